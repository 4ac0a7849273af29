"""Running the tests that every rule carries.

They run each time a pack is parsed, so a rule that no longer does what its author wrote down is
refused before it judges anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sentinel_core.located import Position
from sentinel_core.rules.evaluate import judge
from sentinel_core.rules.message import format_value
from sentinel_core.rules.pack import Facts, Rule, RuleSchema, RuleTest


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one test of a rule went.

    Attributes
    ----------
    number : which of the rule's tests, from 1
    expected : whether the rule had to hit
    verdict : what the rule answered; unknown is no hit
    read : what the rule read, by source and name; None is missing
    """

    __test__ = False  # keeps test runners from taking it for a suite

    rule_id: str
    number: int
    position: Position
    expected: bool
    verdict: Literal["hit", "miss", "unknown"]
    read: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the rule did what the test expects."""
        return (self.verdict == "hit") is self.expected

    def fault(self) -> str:
        """Say what a failed test expected and got."""
        expected = "a hit" if self.expected else "no hit"
        values = ", ".join(f"{name} is {format_value(value)}" for name, value in self.read.items())
        return (
            f"test {self.number} of {self.rule_id} expects {expected}, got {self.verdict}: {values}"
        )


def run_tests(rules: Iterable[Rule], schema: RuleSchema) -> tuple[TestResult, ...]:
    """Run every test of every rule, in order.

    Parameters
    ----------
    schema : RuleSchema
        The one that the rules were checked against.
    """
    return tuple(result for rule in rules for result in _run(rule, schema))


class _TestLists:
    """The lists that a test gives; their entries never expire."""

    def __init__(self, values: dict[str, frozenset[str]]) -> None:
        self._values = values

    def find(self, list_name: str, value: str, at_us: int) -> str | None:  # noqa: ARG002  # no expiry
        """Return the value where it is listed."""
        return value if value in self._values.get(list_name, ()) else None


def _run(rule: Rule, schema: RuleSchema) -> Iterator[TestResult]:
    for number, test in enumerate(rule.tests, start=1):
        traced = judge(rule, _facts(test, schema))
        yield TestResult(rule.id, number, test.position, test.hit, traced.verdict, traced.read)


def _facts(test: RuleTest, schema: RuleSchema) -> Facts:
    vector = tuple(test.features.get(name, math.nan) for name in schema.features)
    return Facts(test.fields, vector, test.signals, _TestLists(test.lists), at_us=0)
