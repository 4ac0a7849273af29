"""What should be, given what is: pure decisions about resources, without a Kubernetes client."""
