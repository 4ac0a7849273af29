"""Which versions of the servers and tools the tests use. This is the only place that says so.

Kubernetes stays at 1.34 as long as machines with cgroup v1 count: its kubelet is the last that runs
there (``failCgroupV1: false``).
"""

from __future__ import annotations

KUBERNETES = "1.34.2"
COREDNS = "1.12.4"
METRICS_SERVER = "0.9.0"
HELM = "3.19.2"
KIND = "0.30.0"
"""The release whose own node image is Kubernetes 1.34."""
VERSITYGW = "1.8.0"
GO_MINIMUM = (1, 24)
"""What Kubernetes 1.34 asks for in its go.mod."""
