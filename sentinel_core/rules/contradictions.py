"""Finding tests that can never hold together.

Only what is cheap and certain is found: constants compared with one value inside one ``all``. A
rule that passes may still never hit; its own tests show that it can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentinel_core.rules.pack import AllOf, Comparison, Condition, Missing, Ref, Scaled


@dataclass(slots=True)
class _Room:
    """The values that the tests seen so far leave: a range, and a set where one was given."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    only: frozenset[float | str] | None = None
    never: frozenset[float | str] = frozenset()
    absent: bool = False
    present: bool = False

    def above(self, bound: float, *, is_open: bool) -> None:
        self.low, self.low_open = max((self.low, self.low_open), (bound, is_open))

    def below(self, bound: float, *, is_open: bool) -> None:
        negated, self.high_open = max((-self.high, self.high_open), (-bound, is_open))
        self.high = -negated

    def among(self, values: frozenset[float | str]) -> None:
        self.only = values if self.only is None else self.only & values

    def is_empty(self) -> bool:
        if self.absent and self.present:
            return True
        if self.only is not None:
            return not any(self._has(value) for value in self.only - self.never)
        if self.low == self.high:
            return self.low_open or self.high_open or self.low in self.never
        return self.low > self.high

    def _has(self, value: float | str) -> bool:
        if isinstance(value, str):
            return True
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below


def contradiction(parts: Sequence[Condition]) -> str | None:
    """Say which value the parts of an ``all`` leave no room for, or None.

    Returns
    -------
    str or None
        A sentence that names the value.
    """
    rooms: dict[Ref, _Room] = {}
    for test in _tests(parts):
        room = rooms.setdefault(test.ref, _Room())
        _narrow(room, test)
        if room.is_empty():
            return f"no value of {test.ref} can pass all of its tests"
    return None


def _tests(parts: Sequence[Condition]) -> Iterator[Comparison | Missing]:
    for part in parts:
        if isinstance(part, AllOf):
            yield from _tests(part.parts)
        elif isinstance(part, Comparison | Missing):
            yield part


def _narrow(room: _Room, test: Comparison | Missing) -> None:
    if isinstance(test, Missing):
        room.absent |= test.expected
        room.present |= not test.expected
        return
    room.present = True
    operand = test.operand
    if isinstance(operand, tuple):
        _narrow_by_many(room, test.operator, operand)
    elif not isinstance(operand, Scaled):
        _narrow_by_one(room, test.operator, operand)


def _narrow_by_many(room: _Room, operator: str, values: tuple[float | str, ...]) -> None:
    if operator == "in":
        room.among(frozenset(values))
    elif operator == "not_in":
        room.never |= frozenset(values)
    else:
        low, high = values
        room.above(float(low), is_open=False)
        room.below(float(high), is_open=False)


def _narrow_by_one(room: _Room, operator: str, value: float | str) -> None:
    if operator == "eq":
        room.among(frozenset((value,)))
    elif operator == "ne":
        room.never |= frozenset((value,))
    elif isinstance(value, float) and operator in ("gt", "gte"):
        room.above(value, is_open=operator == "gt")
    elif isinstance(value, float):
        room.below(value, is_open=operator == "lt")
