"""Putting a status together: the same observation gives the same status, to the letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sentinel_core.resources.conditions import CONDITIONS, REASONS, ConditionType
from sentinel_core.resources.status import MAX_MESSAGE, Condition, LastFailure
from sentinel_operator.services.fault import Fault
from sentinel_operator.services.plan import Notice, Object

Truth = Literal["True", "False", "Unknown"]
_RELEASES = ("stable", "candidate", "models")
"""Fields of a pipeline's status that tell which releases pods are given."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said about one aspect of the state."""

    status: Truth
    reason: str
    message: str

    @classmethod
    def of_fault(cls, fault: Fault) -> Judgement:
        """Say that an aspect is not as declared, and why."""
        return cls("False", fault.reason, fault.message)


Judged = Mapping[ConditionType, Judgement]


@dataclass(frozen=True, slots=True)
class Earlier:
    """The status that the resource has, from which times are kept.

    Attributes
    ----------
    generation : of the spec that is judged now
    now : seconds since 1970
    """

    status: Mapping[str, Any]
    generation: int
    now: float

    @classmethod
    def of(cls, resource: Object, now: float) -> Earlier:
        """Read it from a resource."""
        return cls(resource.get("status") or {}, resource["metadata"]["generation"], now)

    @property
    def time(self) -> str:
        """Now, as Kubernetes writes times."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def conditions(self, judged: Judged) -> tuple[Condition, ...]:
        """Return all conditions, each with the time of its last change of status."""
        return tuple(self._condition(kind, judged[kind]) for kind in CONDITIONS if kind in judged)

    def amended_conditions(self, judged: Judged) -> list[dict[str, Any]]:
        """Return the conditions that there are, with those put in their place that are judged."""
        now = {one.type: one.model_dump(by_alias=True) for one in self.conditions(judged)}
        found = {kind: now.get(kind) or self.condition(kind) for kind in CONDITIONS}
        return [dict(one) for one in found.values() if one is not None]

    def condition(self, kind: ConditionType) -> Mapping[str, Any] | None:
        """Return a condition as it was."""
        for one in self.status.get("conditions") or ():
            if one["type"] == kind:
                found: Mapping[str, Any] = one
                return found
        return None

    def _condition(self, kind: ConditionType, judgement: Judgement) -> Condition:
        before = self.condition(kind)
        same = before is not None and before["status"] == judgement.status
        return Condition(
            type=kind,
            status=judgement.status,
            observed_generation=self.generation,
            last_transition_time=before["lastTransitionTime"] if before and same else self.time,
            reason=judgement.reason,
            message=shorten(judgement.message, MAX_MESSAGE),
        )

    def failure(self, fault: Fault | None) -> LastFailure | None:
        """Return what is wrong, with the time when it was first seen."""
        if fault is None:
            return None
        before = self.status.get("lastFailure") or {}
        same = (before.get("location"), before.get("reason")) == (fault.location, fault.reason)
        return LastFailure(
            location=fault.location,
            reason=fault.reason,
            message=shorten(fault.message, MAX_MESSAGE),
            user_action=fault.user_action,
            time=before["time"] if same else self.time,
        )

    def notices(self, ready: Judgement) -> tuple[Notice, ...]:
        """Return an Event where the resource became ready, or is not for another reason."""
        before = self.condition("Ready")
        if before is not None and (before["status"], before["reason"]) == (
            ready.status, ready.reason,
        ):  # fmt: skip
            return ()
        kind: Literal["Normal", "Warning"] = "Normal"
        if REASONS[ready.reason].location is not None:
            kind = "Warning"
        return (Notice(kind, ready.reason, ready.message),)


def keep_releases(status: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status that tells of the same releases as the one before.

    For a round that could not keep a release: what pods were given before is what they have. A number
    or a time of the new one in the status would grow with each attempt.
    """
    told = {name: value for name, value in status.items() if name not in _RELEASES}
    return told | {name: earlier[name] for name in _RELEASES if name in earlier}


def first_fault(faults: Iterable[Fault | None]) -> Fault | None:
    """Return the first fault that there is: the causes come before what they bring about."""
    return next((fault for fault in faults if fault is not None), None)


def shorten(message: str, most: int) -> str:
    """Cut a message to a number of characters, and say so.

    Examples
    --------
    >>> shorten("a" * 40, 20)
    'aaaa ... (shortened)'
    """
    said = " ... (shortened)"
    return message if len(message) <= most else message[: most - len(said)] + said
