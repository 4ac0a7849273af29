"""What a rule pack is made of: conditions, effects, rules, and what a hit says.

A condition has three answers: True, False, or None where data is missing. Only True is a hit, so a
rule never acts on what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sentinel_core.events.schema import EventSchema
from sentinel_core.located import Position

Source = Literal["field", "feature", "signal"]
Category = Literal["compliance", "fraud", "anomaly", "login", "message"]
HardOutcome = Literal["review", "block"]
Verdict = bool | None


@dataclass(frozen=True, slots=True)
class RuleSchema:
    """The names that rules may read.

    Attributes
    ----------
    features : in the order of the feature vector, to which a pack binds them when it is parsed
    signals : those configured beside the rules; scores in [0, 1]
    lists : names of the lists at hand
    """

    event: EventSchema
    features: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


class Lists(Protocol):
    """Where a rule asks whether a value is listed: a pipeline's lists, or those of a rule's test."""

    def find(self, list_name: str, value: str, at_us: int) -> object | None:
        """Return the entry that lists the value at a time, or None."""
        ...


@dataclass(slots=True)
class Facts:
    """All that one evaluation may read.

    ``fields`` has no key for an absent field; a feature that is missing is NaN; a signal that is
    missing is None or has no key. ``at_us`` is when the event was received, by which entries of
    lists expire.
    """

    fields: Mapping[str, Any]
    vector: Sequence[float]
    signals: Mapping[str, float | None]
    lists: Lists
    at_us: int


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that a rule reads, by where it comes from and its name there."""

    source: Source
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another value to compare with, times a positive factor."""

    ref: Ref
    times: float = 1.0


Literals = float | str | tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value against a constant or against another value."""

    ref: Ref
    operator: str
    operand: Literals | Scaled


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is absent; the only condition that sees absence as an answer."""

    ref: Ref
    expected: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """Whether a field's value stands on a list."""

    list_name: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Comparison | Missing | Listed | AllOf | AnyOf | Not


def reads(condition: Condition) -> tuple[Ref, ...]:
    """Return the values that a condition may read, each once, in the order they are written."""
    return tuple(dict.fromkeys(_reads(condition)))


def _reads(condition: Condition) -> Iterator[Ref]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _reads(part)
    elif isinstance(condition, Not):
        yield from _reads(condition.part)
    else:
        yield condition.ref
        if isinstance(condition, Comparison) and isinstance(condition.operand, Scaled):
            yield condition.operand.ref


@dataclass(frozen=True, slots=True)
class Effect:
    """What a hit does to the risk score in [0, 100].

    Attributes
    ----------
    outcome : at least this outcome, whatever the score
    points : added to the points of the other hits, in (0, 100]; 0 where the rule gives none
    floor, cap : lowest and highest score that the hit allows; floors beat caps
    """

    outcome: HardOutcome | None = None
    points: float = 0.0
    floor: float | None = None
    cap: float | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One of a rule's own tests: what is given, and whether the rule must hit.

    What a test does not name is missing. ``lists`` holds the listed values by name of the list.
    """

    fields: dict[str, Any]
    features: dict[str, float]
    signals: dict[str, float]
    lists: dict[str, frozenset[str]]
    hit: bool
    position: Position


@dataclass(frozen=True, slots=True)
class Program:
    """A rule made ready to run: closures bound to vector indexes, readers by what they read."""

    verdict: Callable[[Facts], Verdict]
    sentence: Callable[[Facts], str]
    readers: tuple[tuple[str, Callable[[Facts], Any]], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack. ``reference`` and ``runbook`` are for the analyst who meets its hit."""

    id: str
    name: str
    category: Category
    when: Condition
    effect: Effect
    tests: tuple[RuleTest, ...]
    reference: str | None
    runbook: str | None
    program: Program = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Pack:
    """Rules that were checked together against one schema.

    Attributes
    ----------
    schema : what the rules were checked against, and by which features are bound
    digest : names the pack by its text's content, tests and runbooks included
    source : the pack as plain JSON values, from which it can be parsed again
    """

    rules: tuple[Rule, ...]
    schema: RuleSchema
    digest: str
    source: list[Any] = field(repr=False)

    def plain(self) -> list[Any]:
        """Return the pack as plain JSON values."""
        return self.source


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that holds for an event.

    ``text`` is one sentence for an analyst, with the values that made the rule hit; the rest is the
    rule's effect.
    """

    rule_id: str
    name: str
    category: Category
    outcome: HardOutcome | None
    points: float
    floor: float | None
    cap: float | None
    text: str


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How one rule answered, hit or not.

    ``read`` holds each value that the condition names, by source and name (``feature amount``); None
    is missing. ``unknown`` means that the answer hangs on a missing value.
    """

    rule_id: str
    verdict: Literal["hit", "miss", "unknown"]
    read: dict[str, Any]
