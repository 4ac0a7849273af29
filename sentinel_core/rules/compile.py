"""From a condition to closures that answer True, False or None (unknown).

The logic is Kleene's: ``all`` is False as soon as one part is, ``any`` True as soon as one part is;
otherwise a missing value makes the answer unknown. Closures are made once, when a pack is parsed; at
about a tenth of a microsecond each they leave room for hundreds of rules in the scoring budget.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sentinel_core.rules.pack import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Facts,
    Listed,
    Missing,
    Not,
    Ref,
    Scaled,
    Verdict,
)

Judge = Callable[[Facts], Verdict]
Reader = Callable[[Facts], Any]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}


def compile_reader(ref: Ref, features: tuple[str, ...]) -> Reader:
    """Make the closure that reads a value, or None where it is missing or NaN."""
    name = ref.name
    if ref.source == "feature":
        index = features.index(name)

        def read_feature(facts: Facts) -> Any:
            value = facts.vector[index]
            return value if value == value else None  # noqa: PLR0124  # only NaN differs from itself

        return read_feature

    def read_named(facts: Facts) -> Any:
        value = (facts.fields if ref.source == "field" else facts.signals).get(name)
        return value if value == value else None  # noqa: PLR0124  # only NaN differs from itself

    return read_named


def compile_condition(condition: Condition, features: tuple[str, ...]) -> Judge:
    """Make the closure that judges a condition.

    Parameters
    ----------
    features : tuple of str
        Names in the order of the vector; every feature of the condition is among them.
    """
    match condition:
        case AllOf(parts):
            return _all_of(tuple(compile_condition(part, features) for part in parts))
        case AnyOf(parts):
            return _any_of(tuple(compile_condition(part, features) for part in parts))
        case Not(part):
            return _not(compile_condition(part, features))
        case Missing(ref, expected):
            return _missing(compile_reader(ref, features), expected=expected)
        case Listed(list_name, ref):
            return _listed(list_name, compile_reader(ref, features))
        case Comparison(ref, _, operand) if isinstance(operand, Scaled):
            read_other = compile_reader(operand.ref, features)
            compare = _COMPARE[condition.operator]
            return _against_other(compile_reader(ref, features), compare, read_other, operand.times)
        case Comparison(ref, name, operand):
            return _against_constant(compile_reader(ref, features), name, operand)


def _all_of(parts: tuple[Judge, ...]) -> Judge:
    def judge(facts: Facts) -> Verdict:
        verdict: Verdict = True
        for part in parts:
            answer = part(facts)
            if answer is None:
                verdict = None
            elif not answer:
                return False
        return verdict

    return judge


def _any_of(parts: tuple[Judge, ...]) -> Judge:
    def judge(facts: Facts) -> Verdict:
        verdict: Verdict = False
        for part in parts:
            answer = part(facts)
            if answer:
                return True
            if answer is None:
                verdict = None
        return verdict

    return judge


def _not(part: Judge) -> Judge:
    def judge(facts: Facts) -> Verdict:
        answer = part(facts)
        return None if answer is None else not answer

    return judge


def _missing(read: Reader, *, expected: bool) -> Judge:
    def judge(facts: Facts) -> Verdict:
        return (read(facts) is None) is expected

    return judge


def _listed(list_name: str, read: Reader) -> Judge:
    def judge(facts: Facts) -> Verdict:
        value = read(facts)
        if value is None:
            return None
        return facts.lists.find(list_name, value, facts.at_us) is not None

    return judge


def _against_constant(read: Reader, name: str, operand: Any) -> Judge:
    if name == "between":
        low, high = operand
        return _holds(read, lambda value: bool(low <= value <= high))
    if name in ("in", "not_in"):
        members = frozenset(operand)
        if name == "in":
            return _holds(read, members.__contains__)
        return _holds(read, lambda value: value not in members)
    compare = _COMPARE[name]

    def judge(facts: Facts) -> Verdict:
        value = read(facts)
        return None if value is None else compare(value, operand)

    return judge


def _holds(read: Reader, test: Callable[[Any], bool]) -> Judge:
    def judge(facts: Facts) -> Verdict:
        value = read(facts)
        return None if value is None else test(value)

    return judge


def _against_other(
    read: Reader, compare: Callable[[Any, Any], bool], read_other: Reader, times: float
) -> Judge:
    def judge(facts: Facts) -> Verdict:
        value, other = read(facts), read_other(facts)
        if value is None or other is None:
            return None
        # A text is compared as it is; multiplying by the 1.0 of a plain comparison is exact.
        return compare(value, other if times == 1.0 else other * times)

    return judge
