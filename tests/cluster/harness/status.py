"""What there is in the cluster, for people: nodes, pods, our resources, and what went wrong lately."""

from __future__ import annotations

from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.kubectl import Kubectl

SECTIONS = {
    "Nodes": ("get", "nodes", "--output=wide"),
    "System": ("get", "pods", "--namespace=kube-system", "--output=wide"),
    "Operator": ("get", "pods", "--namespace=sentinel-system", "--output=wide"),
    "Pods that the operator made": (
        *("get", "pods", "--all-namespaces", "--output=wide"),
        "--selector=app.kubernetes.io/managed-by=sentinel",
    ),
}
RESOURCES = ("sentinelmodels.sentinel.dev", "sentinelpipelines.sentinel.dev")
WARNINGS = (
    *("get", "events", "--all-namespaces", "--field-selector=type=Warning"),
    "--sort-by=.lastTimestamp",
)
LAST_WARNINGS = 10


def print_status(cluster: Cluster) -> None:
    """Print it all, a heading over each part.

    Raises
    ------
    HarnessError
        The API server does not answer.
    """
    kubectl = Kubectl(cluster.kubeconfig)
    for heading, arguments in SECTIONS.items():
        _print(heading, kubectl(*arguments))
    for resource in RESOURCES:
        # Before the chart is installed there is no such kind.
        known = kubectl.run("get", resource, "--all-namespaces")
        _print(resource, known.stdout if known.returncode == 0 else "not installed")
    heading, *warnings = kubectl(*WARNINGS).splitlines() or ["none"]
    _print("Last warnings", "\n".join([heading, *warnings[-LAST_WARNINGS:]]))


def _print(heading: str, text: str) -> None:
    print(f"{heading}\n{text.rstrip() or 'none'}\n")
