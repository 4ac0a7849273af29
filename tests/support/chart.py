"""The chart, installed in the test cluster, and the operator that it brings."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sentinel_core.resources.quantity import read_quantity
from tests.setup.cache import program
from tests.setup.errors import HarnessError
from tests.support.cluster_place import PATIENCE_SECONDS, ClusterPlace

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "sentinel"
RELEASE = "sentinel"
NAMESPACE = "sentinel-system"
DEPLOYMENT = LEASE = "sentinel-operator"
METRICS_PORT = 8080
PODS = "app.kubernetes.io/name=sentinel-operator"


@dataclass(frozen=True, slots=True)
class Chart:
    """The release of the chart.

    Attributes
    ----------
    place : the namespace of the operator
    kubeconfig : of an administrator
    """

    place: ClusterPlace
    kubeconfig: Path

    def helm(self, *arguments: str) -> str:
        """Run helm in the operator's namespace and return what it printed."""
        command = [program("helm"), "--namespace", NAMESPACE, *arguments]
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        ran = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if ran.returncode != 0:
            raise HarnessError(
                f"helm {' '.join(arguments)} failed: {ran.stderr.strip()}",
                user_action="Mend what helm says, or ask ./task k8s:status how the cluster is.",
            )
        return ran.stdout

    @property
    def is_installed(self) -> bool:
        """Whether the release is there."""
        return RELEASE in self.helm("list", "--short").split()

    def install(self) -> None:
        """Install the chart as the README does, and wait until the operator works."""
        self.helm("install", RELEASE, str(CHART), "--create-namespace")
        self.wait_until_working()

    def upgrade(self, *options: str) -> None:
        """Change values, and wait until the new pods work and the old ones are gone."""
        self.helm("upgrade", RELEASE, str(CHART), *options)
        self.wait_until_working()

    def restart(self) -> None:
        """Replace the operator's pods by others of the same template."""
        self.place.kubectl("rollout", "restart", f"deployment/{DEPLOYMENT}")
        self.wait_until_working()

    def uninstall(self) -> None:
        """Uninstall the chart and wait until the operator is gone. Definitions and resources stay."""
        self.helm("uninstall", RELEASE, "--wait")
        self.place.wait_for(lambda: not self.place.all("Pod", PODS), "the operator is gone")

    def wait_until_working(self) -> None:
        """Wait until all replicas are ready, and one of them holds the Lease."""
        timeout = f"--timeout={PATIENCE_SECONDS}s"
        self.place.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", timeout)
        self.place.wait_for(lambda: self.leader in self.pods, "a running replica leads")

    @property
    def pods(self) -> list[str]:
        """Names of the operator's pods that are not on their way out."""
        pods = self.place.all("Pod", PODS)
        return [
            pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
        ]

    @property
    def leader(self) -> str:
        """Name of the pod that holds the Lease; empty where nobody does."""
        lease = self.place.find("Lease", LEASE) or {"spec": {}}
        holder: str = lease["spec"].get("holderIdentity") or ""
        return holder.rpartition("_")[0]

    def metrics(self, pod: str = "") -> dict[str, float]:
        """Return every series of a pod's metrics; the leader's by default."""
        page = self.place.ask_pod(pod or self.leader, METRICS_PORT, "/metrics")
        rows = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    @property
    def images(self) -> set[str]:
        """Images that the operator's pods run."""
        pods = self.place.all("Pod", PODS)
        return {
            one["image"]
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
            for one in pod["spec"]["containers"]
        }

    def memory_mib(self) -> float:
        """Return the leader's working set, as the kubelet measured it last."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{self.leader}"
        measured = self.place.reader.find(path)
        assert measured is not None, "metrics-server has not measured the leader yet"
        usage = measured["containers"][0]["usage"]["memory"]
        return float(read_quantity(usage)) / 2**20

    def reconcile_quantile(self, quantile: float) -> float:
        """Return how long the leader's rounds took at most, for a share of them.

        It is the upper bound of the bucket that the quantile falls into.
        """
        counts: dict[float, float] = {}
        for series, number in self.metrics().items():
            found = re.match(
                r"sentinel_operator_reconcile_seconds_bucket\{.*le=\"([^\"]+)\"", series
            )
            if found is not None:
                counts[float(found[1])] = counts.get(float(found[1]), 0.0) + number
        whole = max(counts.values())
        return min(bound for bound, count in counts.items() if count >= quantile * whole)

    def logs(self) -> Iterator[str]:
        """Yield what every replica logged, those that ended before the present ones included."""
        for pod in self.pods:
            yield from self.place.kubectl("logs", pod).splitlines()
            earlier = self.place.administrator.run(
                "logs", pod, "--previous", f"--namespace={NAMESPACE}"
            )
            yield from earlier.stdout.splitlines() if earlier.returncode == 0 else ()
