"""One node: containerd, kubelet and kube-proxy, on the machine's network or in a namespace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness.addresses import (
    CLUSTER_DOMAIN,
    MACHINE_ADDRESS,
    MACHINE_NETWORK,
    POD_NETWORK,
    NodePlace,
)
from tests.cluster.harness.certificates import Authority
from tests.cluster.harness.cgroups import create_groups
from tests.cluster.harness.commands import run
from tests.cluster.harness.daemon import Daemon, wait_for
from tests.cluster.harness.images import PAUSE
from tests.cluster.harness.kubeconfig import write_kubeconfig
from tests.cluster.harness.network import POD_BRIDGE
from tests.setup.errors import HarnessError

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
"""Where Debian puts the network plugins, and where everybody else does."""


@dataclass(slots=True)
class Node:
    """A node whose files are in a folder of its own in the cluster's state.

    Attributes
    ----------
    state : of the cluster; logs of all nodes are side by side in there
    """

    place: NodePlace
    state: Path
    authority: Authority
    api_url: str
    containerd: Daemon = field(init=False)
    kubelet: Daemon = field(init=False)
    kube_proxy: Daemon = field(init=False)

    def __post_init__(self) -> None:
        self.containerd = self._daemon(
            ["containerd", "--config", str(self._file("containerd.toml"))]
        )
        self.kubelet = self._daemon(
            [
                "kubelet",
                f"--config={self._file('kubelet.yaml')}",
                f"--kubeconfig={self._file('kubelet.kubeconfig')}",
                f"--root-dir={self._file('kubelet')}",
                f"--hostname-override={self.place.name}",
                f"--node-ip={self.place.address}",
            ]
        )
        self.kube_proxy = self._daemon(
            [
                "kube-proxy",
                f"--kubeconfig={self._file('kube-proxy.kubeconfig')}",
                f"--hostname-override={self.place.name}",
                f"--cluster-cidr={POD_NETWORK}",
                # NodePorts are for this machine alone, not for its neighbours.
                f"--nodeport-addresses=127.0.0.0/8,{MACHINE_NETWORK}",
                # The machine's own limit stays as it is; in a namespace it could not be set anyway.
                "--conntrack-max-per-core=0",
            ]
        )

    @property
    def daemons(self) -> Sequence[Daemon]:
        """What runs on the node, in the order of starting."""
        return (self.containerd, self.kubelet, self.kube_proxy)

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self._file("run") / "containerd.sock"

    def start_containerd(self) -> None:
        """Start the container runtime; it needs nothing of the cluster."""
        self._write_network()
        self._write_containerd()
        self.containerd.start()

    def start_kubelet(self) -> None:
        """Join the cluster: the API server must answer, and containerd hold the pause image."""
        self._write_kubelet()
        self._write_proxy()
        self.kubelet.start()
        self.kube_proxy.start()

    def load_image(self, archive: Path) -> None:
        """Bring an image from a Docker or OCI archive into the node.

        Raises
        ------
        HarnessError
            containerd does not answer, or the archive is none.
        """
        wait_for(self._answers, f"containerd of {self.place.name} answers", of=[self.containerd])
        self._ctr("images", "import", str(archive))

    def _answers(self) -> bool:
        try:
            self._ctr("version")
        except HarnessError:
            return False
        return True

    def _ctr(self, *arguments: str) -> None:
        address = ["--address", self.socket, "--namespace", "k8s.io"]
        action = f"See {self.containerd.log}; ./task k8s:down and up start it anew."
        run(["ctr", *address, *arguments], user_action=action)

    def _daemon(self, command: Sequence[str]) -> Daemon:
        return Daemon(
            name=f"{self.place.name}-{command[0]}",
            command=command,
            folder=self.state,
            namespace=self.place.namespace,
        )

    def _file(self, name: str) -> Path:
        return self.state / self.place.name / name

    def _write_network(self) -> None:
        bridge = {
            "type": "bridge",
            "bridge": POD_BRIDGE,
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(self._file("addresses")),
                "ranges": [[{"subnet": self.place.pod_network}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        document = {"cniVersion": "0.4.0", "name": "sentinel", "plugins": [bridge, ports]}
        target = self._file("network") / "10-sentinel.conflist"
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(document, indent=2))

    def _write_containerd(self) -> None:
        plugins = next(folder for folder in CNI_FOLDERS if folder.exists())
        self._file("containerd.toml").write_text(f"""\
version = 2
root = "{self._file("containerd")}"
state = "{self._file("run")}"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  # Network namespaces among our own files, where they are found and taken away again.
  netns_mounts_under_state_dir = true
  # Inside a container there often is no right to make a process less likely to be killed; runc then
  # fails every pod with "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{self._file("network")}"
""")

    def _write_kubelet(self) -> None:
        name, user = self.place.name, f"system:node:{self.place.name}"
        hosts = [name, self.place.address]
        identity = self.authority.issue(name, user, groups=["system:nodes"], hosts=hosts)
        authority = self.authority.certificate
        write_kubeconfig(self._file("kubelet.kubeconfig"), self.api_url, authority, identity)
        document: dict[str, Any] = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.place.address,
            "authentication": {
                "x509": {"clientCAFile": str(authority)},
                "webhook": {"enabled": True},
                "anonymous": {"enabled": False},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(identity.certificate),
            "tlsPrivateKeyFile": str(identity.key),
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "podLogsDir": str(self._file("logs")),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": create_groups(name),
            # Kubernetes has given version 1 up, but runs on it until 1.34 when told to.
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [MACHINE_ADDRESS],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": "/etc/resolv.conf",
            # The disk is the developer's, and images that were loaded by hand cannot be pulled again.
            "imageGCHighThresholdPercent": 99,
            "imageGCLowThresholdPercent": 98,
            "evictionHard": {
                "nodefs.available": "1%",
                "imagefs.available": "1%",
                "memory.available": "200Mi",
            },
        }
        self._file("kubelet.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def _write_proxy(self) -> None:
        name = f"{self.place.name}-kube-proxy"
        identity = self.authority.issue(name, "system:kube-proxy")
        target = self._file("kube-proxy.kubeconfig")
        write_kubeconfig(target, self.api_url, self.authority.certificate, identity)
