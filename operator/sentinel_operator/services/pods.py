"""The pods of a server: which of them answer, and what they say they serve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sentinel_core.resources.status import MAX_SERVED, Served
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Object, Observed
from sentinel_operator.services.report import Report, read_report


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of a server that are not on their way out.

    Attributes
    ----------
    live : pods without a deletion timestamp and not ended, by name
    ready : names of those that get traffic
    asked : names of those that were asked what they serve
    reports : what each of them said; pods that did not answer are missing
    """

    live: Mapping[str, Object]
    ready: frozenset[str]
    asked: frozenset[str]
    reports: Mapping[str, Report]

    @classmethod
    def of(cls, observed: Observed) -> Pods:
        """Read them from an observation."""
        live = {pod["metadata"]["name"]: pod for pod in observed.pods if _is_live(pod)}
        answers = {one.pod: read_report(one.report) for one in observed.served if one.pod in live}
        return cls(
            live,
            frozenset(name for name, pod in live.items() if _is_ready(pod)),
            frozenset(answers),
            {name: report for name, report in answers.items() if report is not None},
        )

    @property
    def unasked(self) -> frozenset[str]:
        """Names of ready pods that nobody has asked yet."""
        return self.ready - self.asked

    def all_ready_say(self, **wanted: str | None) -> bool:
        """Tell whether there are ready pods, and each of them reports these values."""
        return bool(self.ready) and all(self._says(name, wanted) for name in self.ready)

    def unconfirmed(self, **wanted: str | None) -> list[Object]:
        """Return the pods that were asked and do not report these values, in the order of names."""
        return [self.live[name] for name in sorted(self.asked) if not self._says(name, wanted)]

    def _says(self, name: str, wanted: Mapping[str, str | None]) -> bool:
        report = self.reports.get(name)
        return report is not None and all(getattr(report, key) == v for key, v in wanted.items())

    @property
    def served(self) -> tuple[Served, ...]:
        """What ready pods say they serve, by digest; more than a status holds are not from us."""
        said = (self.reports[name].stable for name in self.ready & self.reports.keys())
        counted = sorted(Counter(digest for digest in said if digest is not None).items())
        return tuple(Served(digest=digest, pods=n) for digest, n in counted[:MAX_SERVED])

    def refusals(self) -> Iterator[tuple[str, Report]]:
        """Yield the reports that refuse something, with the pod's name, in the order of names."""
        for name in sorted(self.reports):
            if self.reports[name].state == "Refused":
                yield name, self.reports[name]

    def find_silent(self, resource: str) -> Fault | None:
        """Return the fault that a ready pod does not answer, the first by name; None if all do."""
        for name in sorted(self.ready & self.asked - self.reports.keys()):
            message = f"Pod {name} is ready and does not say what it serves."
            return find_fault("PodNotAnswering", message, resource)
        return None


def uid_of(pod: Object) -> str:
    """Return what tells a pod from all others, later ones of its name included."""
    uid: str = pod["metadata"]["uid"]
    return uid


def _is_live(pod: Object) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not pod["metadata"].get("deletionTimestamp") and not ended


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
