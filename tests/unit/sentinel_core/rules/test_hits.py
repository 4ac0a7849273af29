"""What a hit carries, and what it says to an analyst."""

import math

import msgspec
import pytest

from sentinel_core.rules import RuleHit, evaluate, trace
from sentinel_core.rules.message import format_value
from tests.support.packs import NoLists, pack_of, rule_of

KP = [{"event": {"country": "KP"}, "hit": True}, {"event": {"country": "SE"}, "hit": False}]
FROM_KP = {"field": "country", "eq": "KP"}
NOTHING = (math.nan,) * 4


def hits_of(pack, fields, vector=NOTHING):
    return evaluate(pack, fields, vector, {}, NoLists(), at_us=0)


def test_a_hit_carries_the_rule_and_its_effect():
    pack = pack_of(rule_of(FROM_KP, tests=KP, effect={"points": 25, "floor": 10, "cap": 60}))
    expected = RuleHit(
        "the-rule", "The rule", "fraud", None, 25.0, 10.0, 60.0, "The rule: country is KP."
    )
    assert (expected,) == hits_of(pack, {"country": "KP"})


def test_a_rule_with_an_outcome_gives_no_points():
    pack = pack_of(rule_of(FROM_KP, tests=KP, effect={"outcome": "block"}))
    (hit,) = hits_of(pack, {"country": "KP"})
    assert (hit.outcome, hit.points) == ("block", 0.0)


def test_hits_come_in_the_order_of_the_pack():
    rules = [rule_of(FROM_KP, tests=KP, id=f"rule-{n}") for n in (3, 1, 2)]
    hits = hits_of(pack_of(*rules), {"country": "KP"})
    assert [hit.rule_id for hit in hits] == ["rule-3", "rule-1", "rule-2"]


def test_a_template_is_filled_with_fields_features_and_signals():
    message = "{country}: {card_count_1h} payments at {fraud}, {{literally}}."
    pack = pack_of(rule_of(FROM_KP, tests=KP, message=message))
    hits = evaluate(pack, {"country": "KP"}, (7.0, *NOTHING[1:]), {"fraud": 0.25}, NoLists(), 0)
    assert [hit.text for hit in hits] == ["KP: 7 payments at 0.25, {literally}."]


def test_a_template_says_unknown_for_a_missing_value():
    pack = pack_of(rule_of(FROM_KP, tests=KP, message="{country} on {device}."))
    assert [hit.text for hit in hits_of(pack, {"country": "KP"})] == ["KP on unknown."]


def test_the_default_sentence_leaves_out_what_is_missing():
    when = {"any": [FROM_KP, {"feature": "card_count_1h", "gte": 5}]}
    pack = pack_of(rule_of(when, tests=KP))
    assert [hit.text for hit in hits_of(pack, {"country": "KP"})] == ["The rule: country is KP."]


def test_the_default_sentence_of_a_rule_on_absence_names_what_is_absent():
    when = {"field": "device", "missing": True}
    tests = [{"hit": True}, {"event": {"device": "d-1"}, "hit": False}]
    assert [hit.text for hit in hits_of(pack_of(rule_of(when, tests=tests)), {})] == [
        "The rule: device is unknown."
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5.0, "5"),
        (0.0, "0"),
        (-2.5, "-2.5"),
        (12345678.9, "12345678.9"),
        (0.00001234, "1.234e-05"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        ("É", "É"),
        (None, "unknown"),
    ],
)
def test_values_are_written_for_reading(value, expected):
    assert expected == format_value(value)


def test_a_hit_is_written_as_json():
    (hit,) = hits_of(pack_of(rule_of(FROM_KP, tests=KP)), {"country": "KP"})
    assert msgspec.json.decode(msgspec.json.encode(hit), type=RuleHit) == hit


def test_a_trace_tells_the_three_answers_and_what_was_read():
    when = {
        "all": [FROM_KP, {"feature": "card_count_1h", "gte": 5}, {"signal": "fraud", "gt": 0.5}]
    }
    tests = [
        {"event": {"country": "KP"}, "features": {"card_count_1h": 5}, "signals": {"fraud": 0.9},
         "hit": True},
        {"hit": False},
    ]  # fmt: skip
    pack = pack_of(rule_of(when, tests=tests))
    (traced,) = trace(pack, {"country": "KP"}, (6.0, *NOTHING[1:]), {}, NoLists(), 0)
    assert traced.verdict == "unknown"
    assert traced.read == {
        "field country": "KP",
        "feature card_count_1h": 6.0,
        "signal fraud": None,
    }
