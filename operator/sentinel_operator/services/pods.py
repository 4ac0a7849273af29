"""What pods are like: which of them answer, what they say they serve, and what keeps them from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel_core.resources.status import Served
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Object, Observed

_NO_IMAGE = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "ImageInspectError", "RegistryUnavailable",
})  # fmt: skip
_NO_CONTAINER = frozenset({
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
})  # fmt: skip
"""Words of the kubelet for a container that waits (Kubernetes, pkg/kubelet/images and kuberuntime)."""


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of a server that are not on their way out.

    Attributes
    ----------
    live : pods without a deletion timestamp and not ended, by name
    ready : names of those that get traffic
    reports : what each live pod said when it was asked; pods that did not answer are missing
    """

    live: Mapping[str, Object]
    ready: frozenset[str]
    reports: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, observed: Observed) -> Pods:
        """Read them from an observation."""
        live = {pod["metadata"]["name"]: pod for pod in observed.pods if _is_live(pod)}
        ready = frozenset(name for name, pod in live.items() if _is_ready(pod))
        reports = {
            one.pod: one.report
            for one in observed.served
            if one.report is not None and one.pod in live
        }
        return cls(live, ready, reports)

    def all_ready_say(self, **wanted: str | None) -> bool:
        """Tell whether there are ready pods, and each of them reports these values."""
        return bool(self.ready) and all(
            self._says(name, wanted) for name in self.ready
        )  # fmt: skip

    def unconfirmed(self, **wanted: str | None) -> list[str]:
        """Return the live pods that do not report these values."""
        return sorted(name for name in self.live if not self._says(name, wanted))

    def _says(self, name: str, wanted: Mapping[str, str | None]) -> bool:
        report = self.reports.get(name)
        return report is not None and all(report.get(key) == v for key, v in wanted.items())

    @property
    def serving(self) -> bool:
        """Whether any ready pod serves something."""
        return any(self._stable(name) is not None for name in self.ready)

    @property
    def served(self) -> tuple[Served, ...]:
        """What ready pods say they serve, by digest."""
        counted = Counter(filter(None, map(self._stable, sorted(self.ready))))
        return tuple(Served(digest=digest, pods=n) for digest, n in sorted(counted.items()))

    def _stable(self, name: str) -> str | None:
        found: str | None = (self.reports.get(name) or {}).get("stable")
        return found

    def refusals(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the reports that refuse something, with the pod's name, in the order of names."""
        for name in sorted(self.reports):
            if self.reports[name].get("state") == "Refused":
                yield name, self.reports[name]


def find_pod_fault(pods: Pods, resource: str) -> Fault | None:
    """Return why a pod cannot run, the first by name; None where nothing is wrong with any."""
    for name in sorted(pods.live):
        found = _fault_of(pods.live[name])
        if found is not None:
            reason, message = found
            return find_fault(reason, f"Pod {name}: {message}", resource)
    return None


def _fault_of(pod: Object) -> tuple[str, str] | None:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return "Unschedulable", condition.get("message", "")
    for container in status.get("containerStatuses") or ():
        found = _container_fault(container)
        if found is not None:
            return found
    return None


def _container_fault(container: Mapping[str, Any]) -> tuple[str, str] | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = (container.get("lastState") or {}).get("terminated") or {}
    word, message = waiting.get("reason", ""), waiting.get("message", "")
    if word in _NO_IMAGE:
        return "ImagePullFailed", f"{word}: {message}"
    if word in _NO_CONTAINER:
        return "ContainerConfigInvalid", f"{word}: {message}"
    if container.get("ready"):
        return None
    if ended.get("reason") == "OOMKilled":
        return "OOMKilled", "it used more memory than its limit"
    if word == "CrashLoopBackOff":
        return "CrashLooping", f"it ended with code {ended.get('exitCode')}"
    return None


def _is_live(pod: Object) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not pod["metadata"].get("deletionTimestamp") and not ended


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
