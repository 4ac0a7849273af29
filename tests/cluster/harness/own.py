"""The two-node Kubernetes of our own: on one Linux machine, as root, without Docker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.harness.addons import DNS_USER, corefile, metrics_server, node_rights
from tests.cluster.harness.addresses import MACHINE_ADDRESS, NODE1, NODE2
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.daemon import Daemon, wait_for
from tests.cluster.harness.images import (
    write_busybox_image,
    write_metrics_image,
    write_pause_image,
)
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.leftovers import remove_leftovers
from tests.cluster.harness.network import create_network
from tests.cluster.harness.node import Node
from tests.cluster.harness.progress import Progress
from tests.cluster.harness.requirements import check_free, check_machine, check_root

_SERVICE_ACCOUNT_AUTHORITY = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


@dataclass(slots=True)
class OwnCluster:
    """A control plane, two nodes and name service, as processes of this machine."""

    state: Path
    plane: ControlPlane = field(init=False)
    nodes: tuple[Node, Node] = field(init=False)
    dns: Daemon = field(init=False)

    def __post_init__(self) -> None:
        plane = ControlPlane(
            folder=self.state,
            address=MACHINE_ADDRESS,
            controllers=("*",),
            scheduler=True,
            lease_writes=True,
        )
        self.plane = plane
        first, second = (
            Node(place, self.state, plane.authority, plane.url) for place in (NODE1, NODE2)
        )
        self.nodes = (first, second)
        dns = ["coredns", "-conf", str(self.state / "Corefile")]
        self.dns = Daemon(name="coredns", command=dns, folder=self.state)

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator."""
        return self.plane.kubeconfig

    @property
    def audit_log(self) -> Path | None:
        """What the API server records of all writes."""
        return self.plane.audit_log

    @property
    def daemons(self) -> Sequence[Daemon]:
        """Every program of the cluster."""
        of_nodes = [daemon for node in self.nodes for daemon in node.daemons]
        return [*self.plane.daemons.values(), *of_nodes, self.dns]

    def is_up(self) -> bool:
        """Whether every program runs and both nodes are ready."""
        running = all(daemon.pid is not None for daemon in self.daemons)
        return running and self.plane.is_ready() and self._nodes_are_ready()

    def check(self) -> None:
        """Refuse a machine that lacks something."""
        check_machine(self.state)

    def up(self, progress: Progress) -> None:
        """Start it, on a machine cleared of what an earlier one may have left.

        Raises
        ------
        HarnessError
            Something did not start; with the end of its log.
        """
        progress("removing what an earlier cluster left")
        remove_leftovers(self.state)
        check_free()
        progress("network between the nodes")
        create_network()
        progress("etcd and API server; containerd on each node")
        for node in self.nodes:
            node.start_containerd()
        self.plane.start()
        self.kubectl.apply(*node_rights())
        progress("nodes and names")
        self._join_nodes()
        self._start_dns()
        ready = [*self.plane.daemons.values(), *(d for node in self.nodes for d in node.daemons)]
        wait_for(self._nodes_are_ready, "both nodes are ready", of=ready)
        progress("metrics")
        self._start_metrics()
        progress("two nodes are ready")

    def down(self, progress: Progress) -> None:
        """Stop it and remove everything but its logs."""
        check_root()
        progress("stopping the cluster and removing what it made")
        remove_leftovers(self.state)

    def load_image(self, archive: Path) -> None:
        """Bring an image from an archive into both nodes."""
        for node in self.nodes:
            node.load_image(archive)

    @property
    def kubectl(self) -> Kubectl:
        """As the administrator."""
        return self.plane.kubectl

    def _join_nodes(self) -> None:
        pause = write_pause_image(self.state / "images" / "pause.tar")
        for node in self.nodes:
            node.load_image(pause)
            node.start_kubelet()

    def _start_dns(self) -> None:
        kubeconfig = self.plane.write_user("coredns", DNS_USER)
        (self.state / "Corefile").write_text(corefile(str(kubeconfig)))
        self.dns.start()

    def _start_metrics(self) -> None:
        first, _ = self.nodes
        first.load_image(write_metrics_image(self.state / "images" / "metrics-server.tar"))
        self.load_image(write_busybox_image(self.state / "images" / "busybox.tar"))
        trust = [f"--kubelet-certificate-authority={_SERVICE_ACCOUNT_AUTHORITY}"]
        self.kubectl.apply(*metrics_server(trust, first.place.name))

    def _nodes_are_ready(self) -> bool:
        return self.kubectl.ready_nodes() == sorted(node.place.name for node in self.nodes)
