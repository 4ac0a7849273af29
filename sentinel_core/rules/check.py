"""What a condition may say about a value: names that exist, operators and values of its type."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sentinel_core.events.schema import FieldType
from sentinel_core.located import Located, Position
from sentinel_core.rules.faults import Faults, described, did_you_mean
from sentinel_core.rules.pack import Ref, RuleSchema, Source

ORDER = ("gt", "gte", "lt", "lte")
EQUALITY = ("eq", "ne")
MEMBERSHIP = ("in", "not_in")
TEXT = ("starts_with", "ends_with", "contains")
OPERATORS: dict[FieldType, tuple[str, ...]] = {
    "number": (*EQUALITY, *ORDER, "between", *MEMBERSHIP, "missing"),
    "string": (*EQUALITY, *MEMBERSHIP, *TEXT, "missing"),
    "numbers": ("missing",),
}
"""Operators by the type of the value that they test."""
ALL_OPERATORS = tuple(dict.fromkeys(o for operators in OPERATORS.values() for o in operators))

_SYMBOLS = {"==": "eq", "=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_NOUNS: dict[FieldType, str] = {
    "number": "a number", "string": "a text", "numbers": "a list of numbers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """A value that may be read, with what is known of it before any event comes."""

    ref: Ref
    type: FieldType
    choices: tuple[str, ...] = ()
    lowest: float = -math.inf
    highest: float = math.inf


class Checker:
    """Checks names, operators and values against a schema, noting what is wrong."""

    def __init__(self, schema: RuleSchema, faults: Faults) -> None:
        self._schema = schema
        self._faults = faults
        self._names: dict[Source, Collection[str]] = {
            "field": schema.event.fields, "feature": schema.features, "signal": schema.signals,
        }  # fmt: skip

    def ref(self, source: Source, node: Located) -> Typed | None:
        """Resolve the name of a field, feature or signal."""
        name = node.value
        names = self._names[source]
        if not isinstance(name, str) or name not in names:
            none = f"no {source}s are declared beside the rules; declare it there"
            near = did_you_mean(str(name), names) if names else none
            hint = self._other_source(name) or near
            self._faults.add(node.position, f"there is no {source} {described(node)}", hint)
            return None
        return self._typed(Ref(source, name))

    def by_name(self, name: str) -> Ref | None:
        """Find a bare name among fields, then features, then signals."""
        for source, names in self._names.items():
            if name in names:
                return Ref(source, name)
        return None

    def every_name(self) -> list[str]:
        """Return every name that `by_name` finds."""
        return [name for names in self._names.values() for name in names]

    def list_name(self, node: Located) -> str | None:
        """Resolve the name of a list."""
        if node.value in self._schema.lists:
            return str(node.value)
        names = self._schema.lists
        none = "no lists are declared beside the rules; declare it there"
        hint = did_you_mean(str(node.value), names) if names else none
        self._faults.add(node.position, f"there is no list {described(node)}", hint)
        return None

    def operator(self, subject: Typed, operator: str, where: Position) -> bool:
        """Tell whether an operator exists and fits the value's type."""
        if operator not in ALL_OPERATORS:
            symbol = _SYMBOLS.get(operator)
            hint = f"write {symbol}" if symbol else did_you_mean(operator, ALL_OPERATORS)
            self._faults.add(where, f"there is no operator {operator}", hint)
            return False
        allowed = OPERATORS[subject.type]
        if operator not in allowed:
            message = f"{operator} does not fit {subject.ref}, which is {_NOUNS[subject.type]}"
            self._faults.add(where, message, f"use {', '.join(allowed)}")
            return False
        return True

    def constant(self, subject: Typed, node: Located, *, whole: bool = True) -> float | str | None:
        """Check a constant; ``whole`` says that it stands for all of the value, not for a part."""
        if subject.type == "number":
            return self._number(subject, node)
        if not isinstance(node.value, str):
            hint = (
                f'write it in quotes: "{node.value}"' if _is_number(node.value) else "write a text"
            )
            message = f"{subject.ref} is a text, not {described(node)}"
            self._faults.add(node.position, message, hint)
            return None
        if node.value == "" and not whole:
            message = f"an empty text is a part of every {subject.ref.name}"
            self._faults.add(node.position, message, "write missing: false for a present value")
            return None
        if whole and subject.choices and node.value not in subject.choices:
            hint = did_you_mean(node.value, subject.choices)
            self._faults.add(node.position, f"{subject.ref} is never {node.value!r}", hint)
            return None
        return node.value

    def _number(self, subject: Typed, node: Located) -> float | None:
        number = self._faults.number(node, str(subject.ref))
        if number is not None and not subject.lowest <= number <= subject.highest:
            message = f"{subject.ref} lies between {subject.lowest:g} and {subject.highest:g}"
            self._faults.add(node.position, message, f"{number:g} is never reached")
            return None
        return number

    def _typed(self, ref: Ref) -> Typed:
        if ref.source == "field":
            known = self._schema.event.fields[ref.name]
            return Typed(ref, known.type, known.choices)
        if ref.source == "signal":
            return Typed(ref, "number", lowest=0.0, highest=1.0)
        return Typed(ref, "number")

    def _other_source(self, name: Any) -> str | None:
        text = str(name)
        prefix, _, rest = text.partition(".")
        if prefix in ("payload", "signals", "features", "entities") and rest:
            text = rest
        found = self.by_name(text)
        return f"write {found.source}: {found.name}" if found else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
