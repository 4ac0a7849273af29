"""Names, networks and ports of the two-node cluster. Whatever else says one of them imports it."""

from __future__ import annotations

MACHINE_ADDRESS = "10.200.0.1"
"""Of the bridge that stands for the network between the nodes; node1's and the API server's own."""
MACHINE_NETWORK = "10.200.0.0/24"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
"""The first of `SERVICE_NETWORK`: Kubernetes gives it to the Service `kubernetes`."""

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
