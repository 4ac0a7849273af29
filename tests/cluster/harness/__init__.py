"""A real two-node Kubernetes on this machine, for tests: ``python -m tests.cluster.harness``."""
