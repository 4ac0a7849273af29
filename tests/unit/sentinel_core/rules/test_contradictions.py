"""Tests of one value that leave it no room are found; all others are let through."""

import pytest

from sentinel_core.rules.contradictions import contradiction
from sentinel_core.rules.pack import AllOf, Comparison, Missing, Ref, Scaled

COUNT = Ref("feature", "count")
COUNTRY = Ref("field", "country")


def number(operator, operand):
    return Comparison(COUNT, operator, operand)


def country(operator, operand):
    return Comparison(COUNTRY, operator, operand)


@pytest.mark.parametrize(
    "parts",
    [
        [number("gt", 5.0), number("lt", 5.0)],
        [number("gte", 5.0), number("lt", 5.0)],
        [number("gt", 5.0), number("lte", 5.0)],
        [number("gt", 7.0), number("between", (1.0, 6.0))],
        [number("eq", 4.0), number("gt", 4.0)],
        [number("eq", 4.0), number("eq", 5.0)],
        [number("gte", 4.0), number("lte", 4.0), number("ne", 4.0)],
        [number("in", (1.0, 2.0)), number("gt", 2.0)],
        [country("eq", "KP"), country("ne", "KP")],
        [country("in", ("KP", "IR")), country("not_in", ("IR", "KP"))],
        [Missing(COUNT, expected=True), number("gt", 0.0)],
        [Missing(COUNT, expected=True), Missing(COUNT, expected=False)],
        [number("gt", 9.0), AllOf((country("eq", "KP"), number("lt", 3.0)))],
    ],
)
def test_tests_that_cannot_hold_together_are_found(parts):
    assert contradiction(parts) is not None


@pytest.mark.parametrize(
    "parts",
    [
        [number("gte", 5.0), number("lte", 5.0)],
        [number("gt", 5.0), number("lt", 6.0)],
        [number("gt", 5.0), Comparison(Ref("feature", "other"), "lt", 5.0)],
        [number("gt", Scaled(Ref("feature", "other"))), number("lt", 0.0)],
        [number("in", (1.0, 2.0)), number("gte", 2.0)],
        [country("in", ("KP", "IR")), country("not_in", ("IR",))],
        [country("starts_with", "K"), country("eq", "KP")],
        [Missing(COUNT, expected=False), number("gt", 0.0)],
        [number("gt", 1.0), number("gt", 2.0), number("gte", 2.0)],
    ],
)
def test_tests_that_can_hold_together_pass(parts):
    assert contradiction(parts) is None
