"""An API server behind a proxy that fails calls, with stand-ins for controllers and pods."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel_operator.kube.kinds import KINDS, POD, REVISION, WATCHED
from tests.support.api_reader import ApiReader
from tests.support.control_plane import LightControlPlane, running_control_plane
from tests.support.faulty_api import FaultyApi, faulty_api
from tests.support.operator_process import OperatorProcess, eventually, install_crds
from tests.support.simulated_pods import simulated_pods

Object = dict[str, Any]
State = dict[tuple[str, str], Object]
"""Objects of a namespace by kind and name, without what varies."""
Step = Callable[[str], Iterable[Object]]
"""Returns what a person applies in a namespace."""

QUIET_SECONDS = 3
"""Without a change, after which nothing more is expected: the operator looks at pods every second."""
LOOKED_AT = [kind for kind in WATCHED if not kind.optional and kind is not POD]
# What differs from one namespace to the next, and from one time to the next.
VARYING = {
    "uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace", "generation",
    "clusterIP", "clusterIPs", "lastTransitionTime", "since", "time", "observedGeneration",
    "sentinel.dev/applied", "sentinel.dev/since",
    "controller-uid", "batch.kubernetes.io/controller-uid",
}  # fmt: skip


@dataclass(slots=True)
class FaultyWorld:
    """Many namespaces at once: in each, another call of the operator fails.

    Attributes
    ----------
    kubeconfig : leads to the API server by way of the proxy
    """

    api: LightControlPlane
    reader: ApiReader
    proxy: FaultyApi
    kubeconfig: Path
    folder: Path
    operator: OperatorProcess | None = None
    home: str = ""
    made: list[str] = field(default_factory=list)

    def start_operator(self) -> OperatorProcess:
        """Start a replica when the one before is gone."""
        self.stop_operator()
        # A dead one's Lease would keep the next waiting for nine seconds.
        self.api.kubectl("delete", "lease", "--all", "--namespace", self.home)
        settings = {"namespace": self.home, "api_call_seconds": "1"}
        self.operator = OperatorProcess(self.kubeconfig, self.folder, settings)
        self.operator.start()
        return self.operator

    def stop_operator(self) -> None:
        """End the replica that runs."""
        if self.operator is not None:
            self.operator.stop()

    def namespaces(self, count: int) -> list[str]:
        """Make namespaces, each with the account that pods are refused for want of."""
        names = [f"case-{uuid.uuid4().hex[:8]}" for _ in range(count)]
        spaces = [{"kind": "Namespace", "metadata": {"name": name}} for name in names]
        accounts = [
            {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
            for name in names
        ]
        self.api.kubectl.apply(*({"apiVersion": "v1"} | one for one in (*spaces, *accounts)))
        self.made += names
        return names

    def take(self, step: Step, namespaces: list[str]) -> None:
        """Apply what a step says in each namespace, at once."""
        self.api.kubectl.apply(*(thing for name in namespaces for thing in step(name)))

    def delete(self, namespace: str) -> None:
        """Delete the resources of a namespace, as a person would."""
        scope = ("--namespace", namespace) if namespace else ("--all-namespaces",)
        self.api.kubectl("delete", "smodel,spipe", "--all", "--wait=false", *scope)

    def states(self, namespaces: list[str]) -> list[State]:
        """Return what is in each namespace."""
        found: dict[str, list[tuple[str, Object]]] = {name: [] for name in namespaces}
        for kind in LOOKED_AT:
            answer = self.reader.find(kind.path(None)) or {"items": ()}
            for item in answer["items"]:
                if item["metadata"]["namespace"] in found:
                    found[item["metadata"]["namespace"]].append((kind.name, item))
        return [_state(namespace, items) for namespace, items in found.items()]

    def settle(self, namespace: str) -> State:
        """Return what there is when all resources are ready and nothing more happens."""
        state, since = self.states([namespace]), time.monotonic()

        def has_settled() -> bool:
            nonlocal state, since
            now = self.states([namespace])
            if now != state or not self._is_ready(namespace):
                state, since = now, time.monotonic()
            return time.monotonic() - since > QUIET_SECONDS

        eventually(has_settled, "nothing more happens")
        return state[0]

    def left(self, namespaces: list[str], inputs: set[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return what the operator, or others for it, made and is there yet."""
        persons = {("ServiceAccount", "default"), *inputs}
        return [name for state in self.states(namespaces) for name in state if name not in persons]

    def _is_ready(self, namespace: str) -> bool:
        kinds = (KINDS["SentinelModel"], KINDS["SentinelPipeline"])
        pages = [self.reader.find(kind.path(namespace)) or {"items": ()} for kind in kinds]
        return [
            item["status"]["observedGeneration"] == item["metadata"]["generation"]
            for page in pages
            for item in page["items"]
            if item.get("status", {}).get("phase") == "Ready"
        ] == [True]


def _state(namespace: str, items: list[tuple[str, Object]]) -> State:
    rename = _renaming(namespace, items)
    return {
        (kind, rename(item["metadata"]["name"])): _without_varying(item, rename)
        for kind, item in items
    }


def _renaming(namespace: str, items: list[tuple[str, Object]]) -> Callable[[str], str]:
    """Return what calls a namespace and its releases the same everywhere.

    A release holds its namespace, and so has another digest in each.
    """
    releases = {
        item["metadata"]["name"].rsplit("-", 1)[1]: f"RELEASE-{item['revision']}"
        for kind, item in items
        if kind == REVISION.name
    }
    digests = [re.compile(rf"{short}([0-9a-f]{{54}})?") for short in releases]

    def rename(text: str) -> str:
        for digest, name in zip(digests, releases.values(), strict=True):
            text = digest.sub(name, text)
        return text.replace(namespace, "NAMESPACE")

    return rename


def _without_varying(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in VARYING}
        return {key: _without_varying(inner, rename) for key, inner in kept.items()}
    if isinstance(value, list):
        return [_without_varying(inner, rename) for inner in value]
    return rename(value) if isinstance(value, str) else value


@contextmanager
def faulty_world(folder: Path) -> Iterator[FaultyWorld]:
    """Have such a world for as long as this is open."""
    kubeconfig = folder / "through-the-proxy"
    # The garbage collector takes the children of what was deleted.
    controllers = ["garbage-collector-controller"]
    with running_control_plane(folder / "plane", controllers=controllers) as api:
        install_crds(api.kubectl)
        with faulty_api(api.kubeconfig, kubeconfig) as proxy, simulated_pods(api.kubeconfig):
            reader = ApiReader(api.client())
            world = FaultyWorld(api, reader, proxy, kubeconfig, folder)
            world.home = api.namespace("sentinel-system")
            try:
                yield world
            finally:
                world.stop_operator()
