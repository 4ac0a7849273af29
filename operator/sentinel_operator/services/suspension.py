"""Plans that leave everything as it is: of a suspended resource, and of one that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel_core.resources.conditions import ConditionType
from sentinel_core.resources.status import ResourceStatus
from sentinel_operator.services.fault import Fault
from sentinel_operator.services.plan import Plan
from sentinel_operator.services.status import Earlier, Judgement


def plan_suspended(earlier: Earlier) -> Plan:
    """Change nothing but the status, which says so."""
    ready = Judgement("False", "Suspended", "spec.suspend is true: nothing is changed.")
    said = {**earlier.status, "phase": "Suspended"}
    return Plan(status=_with_ready(earlier, said, ready), notices=earlier.notices(ready))


def plan_invalid(earlier: Earlier, fault: Fault, unknown: Sequence[ConditionType]) -> Plan:
    """Change nothing, and say what this version cannot read.

    Parameters
    ----------
    unknown : conditions that are not known where the spec is not
    """
    ready = Judgement.of_fault(fault)
    status = ResourceStatus(
        observed_generation=earlier.generation,
        phase="Degraded",
        conditions=earlier.conditions(
            {
                **{kind: Judgement("Unknown", fault.reason, "") for kind in unknown},
                "Ready": ready,
            }
        ),
        last_failure=earlier.failure(fault),
    ).dump()
    return Plan(status={**earlier.status, **status}, notices=earlier.notices(ready))


def _with_ready(earlier: Earlier, said: dict[str, Any], ready: Judgement) -> dict[str, Any]:
    """Return a status with another condition Ready, of the current generation."""
    condition = earlier.condition("Ready", ready).model_dump(mode="json", by_alias=True)
    others = [one for one in said.get("conditions") or () if one["type"] != "Ready"]
    return {
        **said,
        "observedGeneration": earlier.generation,
        "conditions": [*others, condition],
    }
