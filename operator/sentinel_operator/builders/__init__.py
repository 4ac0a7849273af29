"""From a spec to Kubernetes objects: pure functions that return plain dictionaries."""
