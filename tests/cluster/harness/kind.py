"""A two-node Kubernetes in containers of a Docker engine, by kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness.addons import metrics_server
from tests.cluster.harness.addresses import FORWARDED_NODE_PORTS
from tests.cluster.harness.commands import run
from tests.cluster.harness.control_plane import audit_policy
from tests.cluster.harness.images import write_busybox_image, write_metrics_image
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.progress import Progress
from tests.setup.cache import INSTALL, program

NAME = "sentinel"
WORKER = f"{NAME}-worker"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_POLICIES = "/etc/kubernetes/sentinel"
_LOGS = "/var/log/sentinel"
_ACTION = f"See what Docker says (docker ps --all). {INSTALL}"


@dataclass(frozen=True, slots=True)
class KindCluster:
    """Two containers that are nodes; ordinary pods run on both."""

    state: Path

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator."""
        return self.state / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path | None:
        """What the API server records of all writes, through a folder that its node mounts."""
        return self.state / "log" / "audit.log"

    def is_up(self) -> bool:
        """Whether its nodes are ready."""
        return self._exists() and len(Kubectl(self.kubeconfig).ready_nodes()) == 2

    def check(self) -> None:
        """Refuse a machine without kind, or without what goes into the cluster."""
        for name in ("kind", "kubectl", "metrics-server", "busybox"):
            program(name)

    def up(self, progress: Progress) -> None:
        """Make it, in place of one that is not whole.

        Raises
        ------
        HarnessError
            kind failed; with what it said.
        """
        self.down(progress)
        policies = self.state / "policies"
        for folder in (policies, self.state / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        (policies / "audit.yaml").write_text(yaml.safe_dump(audit_policy(lease_writes=True)))
        config = self.state / "kind.yaml"
        config.write_text(yaml.safe_dump(self._config(), sort_keys=False))
        progress("two nodes by kind; the first time their image is pulled")
        wait = ["--wait", "180s", "--kubeconfig", self.kubeconfig]
        run(["kind", "create", "cluster", "--config", config, *wait], user_action=_ACTION)
        kubectl = Kubectl(self.kubeconfig)
        kubectl("taint", "nodes", "--all", f"{_CONTROL_PLANE}-")
        progress("metrics")
        self.load_image(write_metrics_image(self.state / "images" / "metrics-server.tar"))
        self.load_image(write_busybox_image(self.state / "images" / "busybox.tar"))
        # The kubelets that kubeadm sets up sign their own certificates.
        kubectl.apply(*metrics_server(["--kubelet-insecure-tls"], WORKER))
        progress("two nodes are ready")

    def down(self, progress: Progress) -> None:
        """Delete it with everything in it."""
        if self._exists():
            progress("deleting the cluster of kind")
            run(["kind", "delete", "cluster", "--name", NAME], user_action=_ACTION)

    def load_image(self, archive: Path) -> None:
        """Bring an image from an archive into both nodes."""
        run(["kind", "load", "image-archive", archive, "--name", NAME], user_action=_ACTION)

    def _exists(self) -> bool:
        return NAME in run(["kind", "get", "clusters"], user_action=_ACTION).split()

    def _config(self) -> dict[str, Any]:
        policies = {"hostPath": str(self.state / "policies"), "containerPath": _POLICIES}
        logs = {"hostPath": str(self.state / "log"), "containerPath": _LOGS}
        ports = [
            {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1"}
            for port in FORWARDED_NODE_PORTS
        ]
        control_plane = {
            "role": "control-plane",
            "extraMounts": [policies | {"readOnly": True}, logs],
            "extraPortMappings": ports,
            "kubeadmConfigPatches": [yaml.safe_dump(_kubeadm())],
        }
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": NAME,
            "nodes": [control_plane, {"role": "worker"}],
        }


def _kubeadm() -> dict[str, Any]:
    return {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": {
                "audit-policy-file": f"{_POLICIES}/audit.yaml",
                "audit-log-path": f"{_LOGS}/audit.log",
            },
            "extraVolumes": [
                _volume("audit-policy", _POLICIES, read_only=True),
                _volume("audit-log", _LOGS, read_only=False),
            ],
        },
        "controllerManager": {"extraArgs": {"horizontal-pod-autoscaler-sync-period": "5s"}},
    }


def _volume(name: str, path: str, *, read_only: bool) -> dict[str, Any]:
    place = {"hostPath": path, "mountPath": path, "pathType": "DirectoryOrCreate"}
    return {"name": name, "readOnly": read_only} | place
