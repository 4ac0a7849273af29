"""A namespace of the test cluster, with what a user does and sees in it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel_operator.kube.kinds import KINDS
from tests.cluster.harness.kubectl import Kubectl
from tests.support.api_reader import ApiReader
from tests.support.operator_process import eventually
from tests.support.ports import free_port

PATIENCE_SECONDS = 180
"""For what takes ten seconds on an idle machine: a pod's start among others, on two cores."""
SERVER = "sentinel.dev/role=server"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """One namespace."""

    administrator: Kubectl
    reader: ApiReader
    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace and return what it printed."""
        return self.administrator("--namespace", self.namespace, *arguments, stdin=stdin)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects here."""
        for one in objects:
            one["metadata"]["namespace"] = self.namespace
        self.administrator.apply(*objects)

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into an object."""
        self.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(change)}")

    def find(self, kind: str, name: str = "", selector: str = "") -> dict[str, Any] | None:
        """Return an object, or the list of all of a kind; None where there is none."""
        return self.reader.find(KINDS[kind].path(self.namespace, name or None), selector)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object, which must be there."""
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name} in {self.namespace}"
        return found

    def all(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Return all objects of a kind."""
        found = self.find(kind, selector=selector)
        assert found is not None
        items: list[dict[str, Any]] = found["items"]
        return items

    # Resources

    def status(self, kind: str, name: str) -> dict[str, Any]:
        """Return the status of a resource; nothing where it has none yet."""
        found: dict[str, Any] = self.get(kind, name).get("status") or {}
        return found

    def condition(self, kind: str, name: str, of: str = "Ready") -> tuple[str, str]:
        """Return status and reason of a condition, once it was judged for the current spec."""
        resource = self.get(kind, name)
        for one in (resource.get("status") or {}).get("conditions") or ():
            seen = one["observedGeneration"] == resource["metadata"]["generation"]
            if one["type"] == of and seen:
                return one["status"], one["reason"]
        return "Unknown", ""

    def wait_for(
        self, check: Callable[[], object], what: str, *, within_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait until something holds; what does not is told with the state of everything here."""
        try:
            eventually(check, what, within_seconds=within_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._picture()}") from None

    def wait_until_ready(
        self, kind: str, name: str, *, within_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait until a resource is Ready as it is declared now."""
        self.wait_for(
            lambda: self.condition(kind, name)[0] == "True",
            f"{kind} {name} is Ready",
            within_seconds=within_seconds,
        )

    def wait_until_stable(self, pipeline: str, other_than: str) -> str:
        """Wait until a pipeline is Ready with another release than one, and return its digest."""

        def is_new() -> bool:
            status = self.status("SentinelPipeline", pipeline)
            ready = self.condition("SentinelPipeline", pipeline)[0] == "True"
            return ready and status["stable"]["digest"] != other_than

        self.wait_for(is_new, f"{pipeline} decides by another release than {other_than}")
        return self.stable(pipeline)

    def stable(self, pipeline: str) -> str:
        """Return the digest of the release that decides."""
        digest: str = self.status("SentinelPipeline", pipeline)["stable"]["digest"]
        return digest

    def failure(self, kind: str, name: str) -> dict[str, Any]:
        """Return the last failure that a status tells of."""
        found: dict[str, Any] = self.status(kind, name).get("lastFailure") or {}
        return found

    # Pods

    def servers(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Return the pods that answer for a resource and are not on their way out."""
        selector = f"sentinel.dev/kind={kind},sentinel.dev/resource={name},{SERVER}"
        pods = self.all("Pod", selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def lives(self, *resources: tuple[str, str]) -> dict[str, tuple[str, int]]:
        """Return uid and restarts of each pod, by its name: equal means that nothing restarted."""
        pods = [pod for kind, name in resources for pod in self.servers(kind, name)]
        return {pod["metadata"]["name"]: _life(pod) for pod in pods}

    def ask_pod(self, pod: str, port: int, path: str) -> str:
        """Return what a pod answers, asked by way of the API server."""
        return self.kubectl(
            "get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}"
        )

    def served(self, pod: str) -> dict[str, Any]:
        """Return what a server's pod says that it serves."""
        said: dict[str, Any] = json.loads(self.ask_pod(pod, 3002, "/served"))
        return said

    def metric(self, pod: str, name: str, *labels: str) -> float:
        """Return a metric of a server's pod, as the sum over the series that have all of the labels."""
        lines = self.ask_pod(pod, 3002, "/metrics").splitlines()
        series = [line.rsplit(" ", 1) for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(value) for head, value in series if all(one in head for one in labels))

    def expose(self, kind: str, name: str, http_port: int, grpc_port: int) -> None:
        """Open a resource's pods to this machine, at two NodePorts."""
        ports = [
            {"name": "http", "port": 3000, "targetPort": "http", "nodePort": http_port},
            {"name": "grpc", "port": 3001, "targetPort": "grpc", "nodePort": grpc_port},
        ]
        selector = {
            "sentinel.dev/kind": kind, "sentinel.dev/resource": name, "sentinel.dev/role": "server",
        }  # fmt: skip
        spec = {"type": "NodePort", "selector": selector, "ports": ports}
        metadata = {"name": f"{name}-{http_port}"}
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def wait_until_reached(self, *node_ports: int) -> None:
        """Wait until ports that were exposed lead to a pod.

        Each node hears by itself that a pod is ready, a moment after the API server has it.
        """
        for port in node_ports:
            self.wait_for(lambda port=port: _accepts(port), f"port {port} leads to a pod")

    def _picture(self) -> str:
        resources = "\n".join(
            json.dumps({one["metadata"]["name"]: one.get("status")}, indent=1)
            for kind in ("SentinelModel", "SentinelPipeline")
            for one in self.all(kind)
        )
        pods = self.kubectl("get", "pods", "--output=wide")
        return f"{resources}\n{pods}"


def _accepts(port: int) -> bool:
    # The kernel remembers for two minutes that a connection which came before kube-proxy's rules leads
    # nowhere, and refuses a client to which it gives the same source port. It gives none of these.
    source = ("127.0.0.1", free_port())
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1, source_address=source).close()
    except OSError:
        return False
    return True


def _life(pod: Object) -> tuple[str, int]:
    restarts = sum(one["restartCount"] for one in pod["status"].get("containerStatuses") or ())
    return pod["metadata"]["uid"], restarts
