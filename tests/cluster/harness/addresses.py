"""Names, networks and ports of the two-node cluster. Whatever else says one of them imports it."""

from __future__ import annotations

from dataclasses import dataclass

MACHINE_ADDRESS = "10.200.0.1"
"""Of the bridge that stands for the network between the nodes; node1's and the API server's own."""
MACHINE_NETWORK = "10.200.0.0/24"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
"""The first of `SERVICE_NETWORK`: Kubernetes gives it to the Service `kubernetes`."""
CLUSTER_DOMAIN = "cluster.local"

API_PORT = 16443
ETCD_PORT = 12379
ETCD_PEER_PORT = 12380
MACHINE_PORTS = {
    API_PORT: "kube-apiserver",
    ETCD_PORT: "etcd",
    ETCD_PEER_PORT: "etcd",
    10248: "kubelet",
    10249: "kube-proxy",
    10250: "kubelet",
    10256: "kube-proxy",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
}
"""What must be free on the machine. Another Kubernetes here holds some of them."""

FORWARDED_NODE_PORTS = range(30300, 30316)
"""NodePorts that answer on 127.0.0.1 in every kind of cluster that the harness makes."""


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node's name and place in the networks.

    Attributes
    ----------
    namespace : its network namespace; empty for the machine's own
    """

    name: str
    address: str
    pod_network: str
    namespace: str = ""


NODE1 = NodePlace("node1", MACHINE_ADDRESS, "10.244.0.0/24")
"""On the machine's own network, so that its NodePorts answer on 127.0.0.1."""
NODE2 = NodePlace("node2", "10.200.0.2", "10.244.1.0/24", "sentinel-node2")
