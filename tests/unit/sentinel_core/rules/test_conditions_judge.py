"""Each form of condition holds, does not hold, or is unknown."""

import math

import pytest

from sentinel_core.located import locate
from sentinel_core.rules import evaluate, read_pack, trace
from tests.support.packs import PAYMENTS, Listed, NoLists, rule_of

NAN = math.nan
VECTOR = (7.0, 20.0, 61.0, NAN)
"""card_count_1h, card_mean_7d, card_amount, and no speed_kmh."""
FIELDS = {"country": "KP", "amount": 61.0, "card": "c-1", "account": "c-1", "channel": "chip"}
SIGNALS = {"fraud": 0.9, "velocity": None}


def verdict(when, lists=None, at_us=0):
    pack = read_pack(locate([rule_of(when)], "pack.yaml"), PAYMENTS)
    (traced,) = trace(pack, FIELDS, VECTOR, SIGNALS, lists or NoLists(), at_us)
    hits = evaluate(pack, FIELDS, VECTOR, SIGNALS, lists or NoLists(), at_us)
    assert bool(hits) is (traced.verdict == "hit")
    return traced.verdict


HOLDS = {"field": "country", "eq": "KP"}
FAILS = {"field": "country", "eq": "SE"}
HANGS = {"field": "device", "eq": "d-1"}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"field": "country", "ne": "SE"}, "hit"),
        ({"field": "country", "in": ["IR", "KP"]}, "hit"),
        ({"field": "country", "not_in": ["IR", "KP"]}, "miss"),
        ({"field": "card", "starts_with": "c-"}, "hit"),
        ({"field": "card", "ends_with": "-2"}, "miss"),
        ({"field": "card", "contains": "-"}, "hit"),
        ({"feature": "card_count_1h", "gt": 7}, "miss"),
        ({"feature": "card_count_1h", "gte": 7}, "hit"),
        ({"feature": "card_count_1h", "lt": 7}, "miss"),
        ({"feature": "card_count_1h", "lte": 7}, "hit"),
        ({"feature": "card_count_1h", "eq": 7}, "hit"),
        ({"feature": "card_count_1h", "in": [7, 8]}, "hit"),
        ({"signal": "fraud", "gte": 0.9}, "hit"),
        ({"signal": "velocity", "gte": 0.1}, "unknown"),
        ({"feature": "speed_kmh", "lt": 1}, "unknown"),
        ({"field": "device", "ne": "d-1"}, "unknown"),
        ({"field": "device", "not_in": ["d-1"]}, "unknown"),
    ],
)
def test_an_operator_compares_with_a_constant(when, expected):
    assert expected == verdict(when)


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(7, 9, "hit"), (5, 7, "hit"), (8, 9, "miss")]
)
def test_between_holds_both_of_its_ends(low, high, expected):
    assert expected == verdict({"feature": "card_count_1h", "between": [low, high]})


@pytest.mark.parametrize(("upper", "expected"), [(8, "hit"), (7, "miss")])
def test_several_operators_mean_all_of_them(upper, expected):
    assert expected == verdict({"feature": "card_count_1h", "gt": 5, "lt": upper})


@pytest.mark.parametrize(("times", "expected"), [(3, "hit"), (3.05, "miss"), (4, "miss")])
def test_another_value_is_compared_times_a_factor(times, expected):
    other = {"feature": "card_mean_7d", "times": times}
    assert expected == verdict({"feature": "card_amount", "gt": other})


def test_two_texts_are_compared_with_each_other():
    assert verdict({"field": "card", "eq": {"field": "account"}}) == "hit"


def test_a_field_is_compared_with_a_feature():
    assert verdict({"field": "amount", "gte": {"feature": "card_amount"}}) == "hit"


def test_a_missing_other_value_is_unknown():
    assert verdict({"feature": "card_amount", "gt": {"feature": "speed_kmh"}}) == "unknown"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"field": "device", "missing": True}, "hit"),
        ({"field": "device", "missing": False}, "miss"),
        ({"field": "country", "missing": False}, "hit"),
        ({"feature": "speed_kmh", "missing": True}, "hit"),
        ({"signal": "velocity", "missing": True}, "hit"),
        ({"field": "vector", "missing": True}, "hit"),
    ],
)
def test_only_missing_sees_that_a_value_is_absent(when, expected):
    assert expected == verdict(when)


@pytest.mark.parametrize(
    ("form", "parts", "expected"),
    [
        ("all", [HOLDS, HOLDS], "hit"),
        ("all", [HOLDS, HANGS], "unknown"),
        ("all", [HANGS, FAILS], "miss"),
        ("any", [FAILS, HOLDS], "hit"),
        ("any", [HANGS, HOLDS], "hit"),
        ("any", [FAILS, HANGS], "unknown"),
        ("any", [FAILS, FAILS], "miss"),
    ],
)
def test_all_and_any_decide_as_soon_as_one_part_does(form, parts, expected):
    # Each part stands in an any of its own: two tests of one field in one all may contradict.
    assert expected == verdict({form: [{"any": [part]} for part in parts]})


@pytest.mark.parametrize(
    ("part", "expected"), [(HOLDS, "miss"), (FAILS, "hit"), (HANGS, "unknown")]
)
def test_not_turns_an_answer_round_and_leaves_unknown(part, expected):
    assert expected == verdict({"not": part})


@pytest.mark.parametrize(("at_us", "expected"), [(99, "hit"), (100, "miss")])
def test_a_list_is_asked_as_of_the_time_of_the_event(at_us, expected):
    lists = Listed("known-bad-cards", {"c-1"}, expires_us=100)
    assert expected == verdict({"list": "known-bad-cards", "field": "card"}, lists, at_us)


def test_a_list_is_unknown_where_the_field_is_absent():
    lists = Listed("known-bad-cards", {"c-1"}, expires_us=100)
    assert verdict({"list": "known-bad-cards", "field": "device"}, lists) == "unknown"
