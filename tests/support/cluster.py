"""The two-node cluster, as a test holds it: the one of ./task k8s:up, or in CI one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.harness.cluster import Cluster, find_cluster
from tests.support.audit_log import AuditLog
from tests.support.kubernetes_api import KubernetesApi
from tests.support.missing import do_without

HARNESS = (sys.executable, "-m", "tests.cluster.harness")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class RunningCluster(KubernetesApi):
    """A cluster with nodes that run pods; other tests use it too."""

    harness: Cluster

    @property
    def audit(self) -> AuditLog:
        """Who wrote what; the test goes no further where that cannot be read."""
        if self.harness.audit_log is None:
            do_without("This cluster's audit log is not ours to read. Use ./task k8s:up.")
        return AuditLog(self.harness.audit_log, self.kubectl)

    def load_image(self, archive: Path) -> None:
        """Bring an image from a Docker or OCI archive into all nodes."""
        self.harness.load_image(archive)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """Hand out the cluster that is up; where none is, skip, or in CI start and stop one."""
    found = find_cluster()
    if found is not None:
        yield RunningCluster(found.kubeconfig, tmp_path_factory.mktemp("cluster"), found)
        return
    if not os.environ.get("CI"):
        do_without("No cluster is up. Run ./task k8s:up.")
    with _own_cluster() as started:
        yield RunningCluster(started.kubeconfig, tmp_path_factory.mktemp("cluster"), started)


@contextmanager
def _own_cluster() -> Iterator[Cluster]:
    # In a process of its own: what it starts shall not be this one's to bury.
    up = subprocess.run([*HARNESS, "up"], cwd=ROOT, capture_output=True, text=True, check=False)
    started = find_cluster()
    if up.returncode != 0 or started is None:
        pytest.fail(f"The cluster did not start:\n{up.stdout}\n{up.stderr}")
    try:
        yield started
    finally:
        subprocess.run([*HARNESS, "down"], cwd=ROOT, capture_output=True, check=True)
