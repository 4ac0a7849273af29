"""From the ``when`` of a rule to a condition.

A condition is a mapping of one of these forms::

    {field: country, in: [KP, IR]}                  a field of the event
    {feature: card_count_1h, gte: 5, lt: 100}       several operators: all of them
    {signal: fraud, gt: 0.9}                        the score of a signal, in [0, 1]
    {feature: amount, gt: {feature: mean, times: 3}}  another value, times a factor
    {list: known-bad-cards, field: card}            the field's value is on the list
    {field: device, missing: true}                  the value is absent
    {any: [...]}  {all: [...]}  {not: {...}}
"""

from __future__ import annotations

from typing import get_args

from sentinel_core.located import Located
from sentinel_core.rules.check import EQUALITY, MEMBERSHIP, ORDER, TEXT, Checker, Typed
from sentinel_core.rules.contradictions import contradiction
from sentinel_core.rules.faults import Faults, described, did_you_mean
from sentinel_core.rules.pack import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Listed,
    Literals,
    Missing,
    Not,
    Scaled,
    Source,
)

MAX_NESTING = 32
"""Deepest nesting of conditions, the depth that hand-written documents are read to."""

SOURCES: tuple[Source, ...] = get_args(Source)
_COMBINATORS = ("any", "all", "not")
_FORMS = (*SOURCES, "list", *_COMBINATORS)
_EXAMPLE = "write {field: country, eq: SE}"


class ConditionParser:
    """Reads conditions, noting what is wrong; a faulty condition is None."""

    def __init__(self, checker: Checker, faults: Faults) -> None:
        self._checker = checker
        self._faults = faults

    def parse(self, node: Located, depth: int = 1) -> Condition | None:
        """Read a condition that stands at a depth, the outermost at 1."""
        if depth > MAX_NESTING:
            self._faults.add(node.position, f"nested deeper than {MAX_NESTING}", "flatten it")
            return None
        if not isinstance(node.value, dict):
            message = f"a condition must be a mapping, not {described(node)}"
            is_list = isinstance(node.value, list)
            hint = "write any: or all: before the list" if is_list else _EXAMPLE
            self._faults.add(node.position, message, hint)
            return None
        forms = [key for key in node.value if key in _FORMS]
        if forms and forms[0] in _COMBINATORS:
            return self._combination(node, forms[0], depth)
        if "list" in node.value:
            return self._listed(node)
        if len(forms) != 1:
            self._note_form(node, forms)
            return None
        return self._leaf(node, forms[0])

    def _note_form(self, node: Located, forms: list[str]) -> None:
        if len(forms) > 1:
            where = node.keys[forms[1]]
            message = f"a condition reads one value, not both {forms[0]} and {forms[1]}"
            self._faults.add(where, message, "write two conditions under all or any")
            return
        key = next(iter(node.value), "")
        found = self._checker.by_name(key)
        near = did_you_mean(key, _FORMS) if key else _EXAMPLE
        hint = f"write {{{found.source}: {key}, ...}}" if found else near
        where = node.keys.get(key, node.position)
        noun = f"a condition with {key}" if key else "an empty condition"
        self._faults.add(where, f"{noun} reads nothing", hint)

    def _combination(self, node: Located, form: str, depth: int) -> Condition | None:
        for key, where in node.keys.items():
            if key != form:
                message = f"{form} stands alone, without {key}"
                self._faults.add(where, message, "put both under one all")
        inner = node.value[form]
        if form == "not":
            part = self.parse(inner, depth + 1)
            return Not(part) if part else None
        parts = [self.parse(item, depth + 1) for item in self._faults.items(inner, form)]
        sound = tuple(part for part in parts if part is not None)
        if not sound or len(sound) < len(parts):
            return None
        return self._all_of(node, sound) if form == "all" else AnyOf(sound)

    def _all_of(self, node: Located, parts: tuple[Condition, ...]) -> Condition | None:
        message = contradiction(parts)
        if message:
            self._faults.add(node.position, message, "correct a bound, or use any")
            return None
        return AllOf(parts)

    def _listed(self, node: Located) -> Condition | None:
        given = self._faults.mapping(node, "a condition on a list", ("list", "field"))
        if len(given) < 2:
            return None
        name = self._checker.list_name(given["list"])
        subject = self._checker.ref("field", given["field"])
        if subject and subject.type != "string":
            message = f"{subject.ref} is not a text, and lists hold texts"
            self._faults.add(given["field"].position, message, "name a field that is a text")
            return None
        return Listed(name, subject.ref) if name and subject else None

    def _leaf(self, node: Located, form: str) -> Condition | None:
        source = next(s for s in SOURCES if s == form)
        subject = self._checker.ref(source, node.value[form])
        tests = {key: value for key, value in node.value.items() if key != form}
        if not tests:
            hint = "add one, such as gte: 5" if form != "field" else "add one, such as eq: SE"
            self._faults.add(node.position, "a condition needs an operator", hint)
        if subject is None:
            return None
        parts = [
            self._test(subject, operator, value)
            for operator, value in tests.items()
            if self._checker.operator(subject, operator, node.keys[operator])
        ]
        sound = tuple(part for part in parts if part is not None)
        if not sound or len(sound) < len(tests):
            return None
        return sound[0] if len(sound) == 1 else self._all_of(node, sound)

    def _test(self, subject: Typed, operator: str, node: Located) -> Condition | None:
        if operator == "missing":
            expected = self._faults.boolean(node, "missing")
            return None if expected is None else Missing(subject.ref, expected)
        operand = self._operand(subject, operator, node)
        return None if operand is None else Comparison(subject.ref, operator, operand)

    def _operand(self, subject: Typed, operator: str, node: Located) -> Literals | Scaled | None:
        if operator == "between":
            return self._range(subject, node)
        if operator in MEMBERSHIP:
            values = [
                self._checker.constant(subject, v) for v in self._faults.items(node, operator)
            ]
            sound = tuple(v for v in values if v is not None)
            return sound if sound and len(sound) == len(values) else None
        if operator in (*EQUALITY, *ORDER) and isinstance(node.value, dict):
            return self._scaled(subject, node)
        return self._checker.constant(subject, node, whole=operator not in TEXT)

    def _range(self, subject: Typed, node: Located) -> tuple[float | str, ...] | None:
        ends = self._faults.items(node, "between")
        if len(ends) != 2:
            message = f"between takes two numbers, not {len(ends)}"
            self._faults.add(node.position, message, "write between: [low, high]")
            return None
        low, high = (self._checker.constant(subject, end) for end in ends)
        if not isinstance(low, float) or not isinstance(high, float):
            return None
        if low > high:
            message = f"between {low:g} and {high:g} lies nothing"
            self._faults.add(node.position, message, "write the lower end first")
            return None
        return low, high

    def _scaled(self, subject: Typed, node: Located) -> Scaled | None:
        given = self._faults.mapping(node, "another value", (), (*SOURCES, "times"))
        forms = [source for source in SOURCES if source in given]
        if len(forms) != 1:
            hint = "write {feature: card_mean_7d, times: 3}"
            self._faults.add(node.position, "compare with one other value", hint)
            return None
        other = self._checker.ref(forms[0], given[forms[0]])
        times = self._times(subject, given)
        if other is None or times is None:
            return None
        if other.type != subject.type or other.ref == subject.ref:
            why = "itself" if other.ref == subject.ref else f"{other.ref}, of another type"
            message = f"{subject.ref} cannot be compared with {why}"
            self._faults.add(node.position, message, f"name another {subject.type}")
            return None
        return Scaled(other.ref, times)

    def _times(self, subject: Typed, given: dict[str, Located]) -> float | None:
        if "times" not in given:
            return 1.0
        node = given["times"]
        times = self._faults.number(node, "times")
        if times is not None and (times <= 0 or subject.type != "number"):
            message = "times must be above 0" if times <= 0 else "a text has no multiple"
            self._faults.add(node.position, message, "correct it or remove times")
            return None
        return times
