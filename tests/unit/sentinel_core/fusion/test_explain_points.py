"""Points shared among the reasons."""

from __future__ import annotations

import pytest

from sentinel_core.fusion import FailurePolicy, FusionProfile, PointedReason, explain_points, fuse
from sentinel_core.reason import Reason
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Signal
from tests.support.fusion_cases import build_hit, build_profile, build_signal

PROFILE = build_profile(
    {"method": "Weighted", "weights": {"fraud": 1.0, "velocity": 1.0, "lists": 1.0}}
)
RULED = build_profile({"weights": {"rules": 1.0, "fraud": 1.0}})
SEED = build_profile({"method": "SeedV1"})


def reasons_of(
    *parts: Signal | RuleHit, policy: FailurePolicy = "Review", profile: FusionProfile = PROFILE
) -> list[PointedReason]:
    signals = [part for part in parts if isinstance(part, Signal)]
    hits = [part for part in parts if isinstance(part, RuleHit)]
    risk = fuse(profile, policy, signals, hits)
    return list(explain_points(risk, signals, hits))


def fraud(score: float, *weights: float) -> Signal:
    reasons = tuple(Reason(f"feature:{i}", f"Feature {i}.", w) for i, w in enumerate(weights))
    return build_signal("fraud", score, reasons=reasons)


def test_a_models_points_are_shared_among_what_raised_it() -> None:
    points = {r.code: r.points for r in reasons_of(fraud(0.8, 3.0, 1.0, -2.0))}
    assert pytest.approx(points) == {"feature:0": 60.0, "feature:1": 20.0, "feature:2": 0.0}


def test_a_model_that_nothing_raised_keeps_its_points_under_its_kind() -> None:
    expected = PointedReason("fraud", "model", "The model fraud puts the risk at 0.8 of 1.", 80.0)
    assert expected == reasons_of(fraud(0.8, -1.0))[0]


def test_a_fallback_score_is_told_as_one() -> None:
    late = build_signal("fraud", 0.7, status="late")
    reasons = reasons_of(late, build_signal("velocity", 0.0))
    assert [r.text for r in reasons] == [
        "The model fraud was late; 0.7 of 1 is taken in its place."
    ]


def test_a_signal_at_0_without_reasons_is_not_told() -> None:
    assert reasons_of(build_signal("velocity", 0.0)) == []


def test_the_rules_points_are_shared_among_the_hits() -> None:
    hits = (build_hit("a", points=30.0), build_hit("b", points=10.0), build_hit("c", floor=1.0))
    points = [(r.source, r.code, r.points) for r in reasons_of(*hits, profile=RULED)]
    assert [
        ("rules", "rule:a", pytest.approx(30.0)),
        ("rules", "rule:b", pytest.approx(10.0)),
        ("rules", "rule:c", 0.0),
    ] == points


def test_a_hit_is_told_where_the_method_does_not_count_points() -> None:
    reasons = reasons_of(build_signal("nlp", 0.0), build_hit("a", points=30.0), profile=SEED)
    assert [PointedReason("rules", "rule:a", "Rule a hit.", 0.0)] == reasons


def test_rounding_is_told() -> None:
    reasons = reasons_of(build_signal("nlp", 0.91), profile=SEED)
    (told,) = [r for r in reasons if r.source == "rounding"]
    assert told.text == "The score is rounded to a whole number."
    assert told.points == pytest.approx(0.15)


def test_a_floor_is_told_once_by_the_sentence_of_its_rule() -> None:
    reasons = reasons_of(fraud(0.2), build_hit("feed", floor=75.0))
    expected = PointedReason("floor:rule:feed", "rule:feed", "Rule feed hit.", 55.0)
    assert [expected] == [r for r in reasons if r.code == "rule:feed"]


def test_a_trust_lists_cap_is_told_by_its_entry() -> None:
    reasons = (Reason("list:vip", "The card is on the trust list vip.", -1.0),)
    lists = build_signal("lists", 0.0, cap=5.0, reasons=reasons)
    (expected,) = [r for r in reasons_of(fraud(0.8), lists) if r.code == "list:vip"]
    assert (expected.source, expected.points) == ("cap:lists", -35.0)


def test_a_cap_without_its_entry_is_told_by_its_bound() -> None:
    last = reasons_of(fraud(0.8), build_signal("lists", 0.0, cap=5.0))[-1]
    assert last.text == "The signal lists allows a score of at most 5."


def test_a_model_that_fails_closed_is_told() -> None:
    failed = build_signal("fraud", status="failed", hard_outcome="block")
    (reason,) = reasons_of(failed, build_signal("velocity", 0.0))
    assert reason.text == "The model fraud failed, and the outcome is then block."


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ("Open", "lets the event pass"),
        ("Review", "asks for a review"),
        ("Closed", "blocks the event"),
    ],
)
def test_unscored_says_what_was_missing_and_what_the_policy_does(
    policy: FailurePolicy, end: str
) -> None:
    late = build_signal("fraud", status="late")
    (reason,) = reasons_of(late, build_signal("velocity"), policy=policy)
    missing = "fraud was late, velocity is absent"
    assert reason.text == f"No signal saw the event ({missing}); the failure policy {end}."


def test_most_points_come_first() -> None:
    reasons = reasons_of(fraud(0.3, 1.0, 2.0), build_signal("velocity", 0.9))
    assert [reason.code for reason in reasons] == ["velocity", "feature:1", "feature:0"]
