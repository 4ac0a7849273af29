"""What a machine must have for a cluster of our own, asked before anything is begun."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.harness.addresses import MACHINE_PORTS
from tests.cluster.harness.network import conflicting_routes
from tests.cluster.harness.node import CNI_FOLDERS
from tests.setup.cache import INSTALL, find_program
from tests.setup.errors import HarnessError

PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"),
    *("kube-proxy", "kubectl", "coredns", "metrics-server", "pause", "busybox"),
    *("containerd", "ctr", "runc", "iptables", "conntrack", "ip", "nsenter", "umount"),
)
LONGEST_STATE_PATH = 70
"""A Unix socket's path has at most 107 characters, and containerd puts some 30 behind ours."""


def check_root() -> None:
    """Refuse everybody who could not make networks and containers.

    Raises
    ------
    HarnessError
        Retryable as root, on Linux.
    """
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise HarnessError(
            "No Docker engine answers here, and a Kubernetes of our own needs Linux and root.",
            user_action="Start a Docker engine, become root on Linux, or use a cluster that you "
            "have: KUBECONFIG=... ./task k8s:up -- --existing",
        )


def check_machine(state: Path) -> None:
    """Refuse a machine on which a cluster cannot run, with everything that it lacks.

    Raises
    ------
    HarnessError
        Retryable once it is provided.
    """
    check_root()
    missing = list(_missing())
    if missing:
        raise HarnessError(f"Missing on this machine: {', '.join(missing)}.", user_action=INSTALL)
    if len(str(state)) > LONGEST_STATE_PATH:
        raise HarnessError(
            f"The path of the cluster's state is longer than {LONGEST_STATE_PATH} characters.",
            user_action="Name a shorter one in SENTINEL_K8S_STATE.",
        )


def check_free() -> None:
    """Refuse a machine whose ports or networks are somebody else's.

    Raises
    ------
    HarnessError
        Retryable once they are free.
    """
    taken = [f"{port} ({name})" for port, name in MACHINE_PORTS.items() if _is_taken(port)]
    if taken:
        raise HarnessError(
            f"Ports that the cluster needs are taken: {', '.join(taken)}.",
            user_action="See whose they are (ss -ltnp), such as another Kubernetes, and stop it.",
        )
    if routes := conflicting_routes():
        raise HarnessError(
            f"This machine routes networks of the cluster elsewhere: {', '.join(routes)}.",
            user_action="Leave that network (a VPN?) while the cluster is up.",
        )


def _missing() -> Iterator[str]:
    yield from (name for name in PROGRAMS if find_program(name) is None)
    if not any((folder / "bridge").exists() for folder in CNI_FOLDERS):
        yield "the CNI plugins"


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
