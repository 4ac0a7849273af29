"""Rules between the fields of one object, said once for both worlds.

An API server judges them as CEL (Kubernetes, "Validation rules" of CustomResourceDefinitions), a laptop
as Python. The two stand side by side so that whoever changes one sees the other; tests hold them to
the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

CEL_RULES = "x-kubernetes-validations"
"""Where a CustomResourceDefinition has its rules."""
RULE_KEYS = ("rule", "message", "fieldPath")
"""What one of them says, in this order."""
FAULT_TYPE = "cross_field"
"""Type of the pydantic error that a broken rule raises; its context names the field."""


@dataclass(frozen=True, slots=True)
class CrossField:
    """One rule.

    Attributes
    ----------
    field : dotted path, from the object that has the rule, of the field to change; empty for the
        object itself
    cel : expression over ``self`` that is true where the rule is kept; defaults of the schema are
        filled in before it is asked
    message : what is wrong and what to write instead; no braces, which pydantic would fill in
    holds : the same in Python; None where a validator of the class says it in more detail
    """

    field: str
    cel: str
    message: str
    holds: Callable[[Any], bool] | None = None

    def as_cel(self) -> dict[str, str]:
        """Return the rule as a CustomResourceDefinition has it."""
        rule = {"rule": self.cel, "message": self.message}
        return rule | ({"fieldPath": _json_path(self.field)} if self.field else {})

    def fault(self) -> PydanticCustomError:
        """Return the error that a laptop raises."""
        return PydanticCustomError(FAULT_TYPE, self.message, {"field": self.field})


def _json_path(field: str) -> str:
    """Return a dotted path in the form of a rule's ``fieldPath``."""
    names = (f"['{name}']" if "-" in name else f".{name}" for name in field.split("."))
    return "".join(names)
