"""Plans that leave everything as it is: of a suspended resource, and of one that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel_core.resources.conditions import ConditionType
from sentinel_operator.services.fault import Fault
from sentinel_operator.services.plan import Observed, Plan
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.server import judge_available
from sentinel_operator.services.status import Earlier, Judged, Judgement

_SEEN: tuple[ConditionType, ...] = ("ServerReady", "Durable", "Available")
"""Conditions that tell of what is, and not of what was declared."""
_SEEN_FIELDS = ("served", "url", "grpcUrl", "replicas", "selector")


def plan_suspended(earlier: Earlier, going_on: Plan) -> Plan:
    """Change nothing, and say of the pods what is seen of them.

    Parameters
    ----------
    going_on : what would be done without the suspension
    """
    ready = Judgement("False", "Suspended", "spec.suspend is true: nothing is changed.")
    seen: Judged = {
        one["type"]: Judgement(one["status"], one["reason"], one["message"])
        for one in going_on.status.get("conditions", ())
        if one["type"] in _SEEN
    }
    status = {key: value for key, value in earlier.status.items() if key not in _SEEN_FIELDS}
    status |= {key: going_on.status[key] for key in _SEEN_FIELDS if key in going_on.status}
    return Plan(
        status=_amended(earlier, status, {**seen, "Ready": ready}, phase="Suspended"),
        notices=earlier.notices(ready),
        ask_pods=going_on.ask_pods,
    )


def plan_invalid(
    observed: Observed, earlier: Earlier, fault: Fault, unknown: Sequence[ConditionType]
) -> Plan:
    """Change nothing, and say what this version cannot read.

    Parameters
    ----------
    unknown : conditions that are not known where the spec is not
    """
    ready = Judgement.of_fault(fault)
    cause = "It is not known before the resource can be read."
    judged: dict[ConditionType, Judgement] = {
        kind: Judgement("Unknown", fault.reason, cause) for kind in unknown
    }
    judged["Ready"] = ready
    status = {key: value for key, value in earlier.status.items() if key != "served"}
    pods = Pods.of(observed)
    if pods.live or not earlier.condition("Available"):
        judged["Available"] = judge_available(pods, None)
        status["served"] = [one.model_dump() for one in pods.served]
    failure = earlier.failure(fault)
    assert failure is not None
    status["lastFailure"] = failure.model_dump(by_alias=True)
    return Plan(
        status=_amended(earlier, status, judged, phase="Degraded"),
        notices=earlier.notices(ready),
    )


def _amended(
    earlier: Earlier, status: dict[str, Any], judged: Judged, *, phase: str
) -> dict[str, Any]:
    amended = {
        **status,
        "observedGeneration": earlier.generation,
        "phase": phase,
        "conditions": earlier.amended_conditions(judged),
    }
    # As a status is written: without what is empty.
    return {name: value for name, value in amended.items() if value != []}
