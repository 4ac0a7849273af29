"""Caps, floors, hard outcomes, coverage, and what is said where nothing could be scored."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel_core.fusion import FailurePolicy, Item, Risk, fuse
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Signal
from tests.support.fusion_cases import build_hit, build_profile, build_signal

PROFILE = build_profile(
    {"weights": {"fraud": 1.0, "velocity": 0.5, "behaviour": 0.5, "rules": 1.0, "lists": 1.0}}
)


def risk_of(*parts: Signal | RuleHit, policy: FailurePolicy = "Review") -> Risk:
    signals = [part for part in parts if isinstance(part, Signal)]
    hits = [part for part in parts if isinstance(part, RuleHit)]
    return fuse(PROFILE, policy, signals, hits)


FRAUD_40 = build_signal("fraud", 0.4)
FRAUD_90 = build_signal("fraud", 0.9)
LATE = build_signal("fraud", status="late")


@pytest.mark.parametrize(
    ("score", "level", "outcome"),
    [
        (0.0, "LOW", "approve"),
        (0.2999, "LOW", "approve"),
        (0.3, "MEDIUM", "approve"),
        (0.5999, "MEDIUM", "approve"),
        (0.6, "HIGH", "review"),
        (0.8499, "HIGH", "review"),
        (0.85, "CRITICAL", "block"),
        (1.0, "CRITICAL", "block"),
    ],
)
def test_levels_and_outcomes_begin_at_their_bounds(score: float, level: str, outcome: str) -> None:
    profile = build_profile({"method": "Weighted", "weights": {"fraud": 1}})
    risk = fuse(profile, "Review", (build_signal("fraud", score),), ())
    assert (level, outcome) == (risk.level, risk.outcome)


def test_a_cap_lowers_the_score_by_its_item() -> None:
    risk = risk_of(FRAUD_90, build_hit("known", cap=20.0))
    assert (20.0, Item("cap:rule:known", 20.0 - risk.base)) == (risk.score, risk.items[-1])


def test_a_cap_just_below_the_base_acts() -> None:
    assert risk_of(FRAUD_90, build_hit("known", cap=89.0)).score == 89.0


def test_of_two_caps_the_lowest_counts() -> None:
    risk = risk_of(FRAUD_90, build_hit("a", cap=30.0), build_hit("b", cap=20.0))
    assert (risk.score, risk.items[-1].name) == (20.0, "cap:rule:b")


def test_a_cap_above_the_base_is_no_item() -> None:
    assert [i.name for i in risk_of(FRAUD_40, build_hit("a", cap=50.0)).items] == ["fraud", "rules"]


def test_a_trust_list_caps() -> None:
    risk = risk_of(FRAUD_90, build_signal("lists", 0.0, cap=20.0))
    assert (risk.score, risk.items[-1].name) == (20.0, "cap:lists")


def test_a_floor_raises_the_score_by_its_item() -> None:
    risk = risk_of(FRAUD_40, build_hit("feed", floor=75.0))
    assert (risk.score, risk.outcome) == (75.0, "review")
    assert Item("floor:rule:feed", 75.0 - risk.base) == risk.items[-1]


def test_floors_beat_caps() -> None:
    risk = risk_of(FRAUD_90, build_hit("known", cap=20.0), build_hit("feed", floor=75.0))
    assert risk.score == 75.0
    assert [item.name for item in risk.items[-2:]] == ["cap:rule:known", "floor:rule:feed"]
    assert Item("floor:rule:feed", 55.0) == risk.items[-1]


@pytest.mark.parametrize(("outcome", "score"), [("review", 60.0), ("block", 85.0)])
def test_a_hard_outcome_is_a_floor_at_its_bound(outcome: str, score: float) -> None:
    risk = risk_of(FRAUD_40, build_hit("sanctions", outcome=outcome))
    assert (score, outcome) == (risk.score, risk.outcome)


def test_a_hard_review_does_not_lower_a_block() -> None:
    assert risk_of(FRAUD_90, build_hit("screening", outcome="review")).outcome == "block"


def test_a_cap_does_not_undo_a_hard_outcome() -> None:
    risk = risk_of(FRAUD_90, build_hit("a", cap=5.0), build_hit("b", outcome="block"))
    assert (risk.score, risk.outcome) == (85.0, "block")


def test_a_model_that_fails_closed_blocks() -> None:
    failed = build_signal("fraud", status="failed", hard_outcome="block")
    risk = risk_of(failed, build_signal("velocity", 0.0))
    assert (risk.score, risk.outcome, risk.items[-1].name) == (85.0, "block", "floor:fraud")


def test_a_missing_model_is_left_out_where_another_signal_is_ok() -> None:
    risk = risk_of(LATE, build_signal("velocity", 0.2))
    assert risk.score == pytest.approx(10.0)
    assert risk.level == "LOW"


def test_a_missing_model_with_a_fallback_counts_with_it() -> None:
    fallback = build_signal("fraud", 0.7, status="late")
    assert pytest.approx(risk_of(fallback, build_signal("velocity", 0.0)).score) == 70.0


def test_coverage_is_the_weight_that_is_present_over_all() -> None:
    signals = (FRAUD_40, build_signal("velocity"), build_signal("behaviour", status="failed"))
    assert pytest.approx(2.0 / 3.0) == risk_of(*signals).coverage


def test_coverage_is_1_where_all_is_present() -> None:
    assert risk_of(FRAUD_40, build_signal("lists", 0.0)).coverage == 1.0


@pytest.mark.parametrize(
    ("policy", "outcome"), [("Open", "approve"), ("Review", "review"), ("Closed", "block")]
)
def test_where_nothing_saw_the_event_the_failure_policy_decides(
    policy: FailurePolicy, outcome: str
) -> None:
    risk = risk_of(LATE, build_signal("velocity"), build_signal("lists", 0.0), policy=policy)
    assert (None, "UNSCORED", outcome) == (risk.score, risk.level, risk.outcome)


def test_unscored_has_no_points() -> None:
    assert (Item("failurePolicy", 0.0),) == risk_of(LATE).items


def test_a_fallback_alone_is_no_sight_of_the_event() -> None:
    assert risk_of(build_signal("fraud", 0.1, status="late")).level == "UNSCORED"


def test_unscored_is_blocked_where_a_model_fails_closed() -> None:
    failed = build_signal("fraud", status="failed", hard_outcome="block")
    risk = risk_of(failed, policy="Open")
    assert (risk.score, risk.outcome) == (None, "block")


def test_of_two_models_that_fail_closed_the_first_by_name_is_told() -> None:
    failed: dict[str, Any] = {"status": "failed", "hard_outcome": "block"}
    fraud, nlp = build_signal("fraud", **failed), build_signal("nlp", **failed)
    assert risk_of(nlp, fraud).items == risk_of(fraud, nlp).items == (Item("floor:fraud", 0.0),)


def test_rules_and_lists_alone_are_never_unscored() -> None:
    risk = risk_of(build_signal("lists", 0.0))
    assert (risk.score, risk.level, risk.outcome) == (0.0, "LOW", "approve")


def test_a_hit_is_scored_although_nothing_saw_the_event() -> None:
    assert pytest.approx(risk_of(LATE, build_hit("a", points=90.0)).score) == 90.0


def test_a_block_entry_is_scored_although_nothing_saw_the_event() -> None:
    assert risk_of(LATE, build_signal("lists", 1.0), policy="Open").outcome == "block"


def test_a_small_hit_does_not_lower_the_outcome_of_the_failure_policy() -> None:
    risk = risk_of(LATE, build_hit("a", points=5.0), policy="Closed")
    assert risk.score == pytest.approx(5.0)
    assert (risk.level, risk.outcome) == ("LOW", "block")
    assert Item("failurePolicy", 0.0) == risk.items[-1]


def test_a_cap_alone_does_not_make_an_unseen_event_low() -> None:
    assert risk_of(LATE, build_hit("known", cap=20.0)).level == "UNSCORED"


def test_trust_alone_does_not_make_an_unseen_event_low() -> None:
    assert risk_of(LATE, build_signal("lists", 0.0, cap=20.0)).level == "UNSCORED"
