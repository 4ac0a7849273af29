"""What every fusion method keeps to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel_core.fusion import FusionProfile, explain_points, fuse
from sentinel_core.signals.signal import Signal
from tests.support.fusion_cases import KINDS, PROFILES, build_hit, build_signal

pytestmark = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)

COUNTS = {0.0: 0.0, 0.3: 4.0, 1.0: 12.0}
"""Events in the window that go with a velocity score, for the method that reads counts."""
BY_SEVERITY = ("approve", "review", "block")


def all_at(score: float) -> tuple[Signal, ...]:
    """Every signal with one score."""
    return tuple(
        build_signal(name, score, raw=COUNTS[score] if name == "velocity" else None)
        for name in KINDS
    )


def test_nothing_risky_scores_0_in_the_lowest_level(profile: FusionProfile) -> None:
    risk = fuse(profile, "Closed", all_at(0.0), ())
    assert (0.0, profile.bands[0][1], "approve") == (risk.score, risk.level, risk.outcome)


def test_everything_risky_is_blocked_in_the_highest_level(profile: FusionProfile) -> None:
    risk = fuse(profile, "Open", all_at(1.0), (build_hit("a", points=100.0),))
    assert pytest.approx(100.0, abs=1e-6) == risk.score
    assert (profile.bands[-1][1], "block") == (risk.level, risk.outcome)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_one_signal_raised_never_lowers_the_score(profile: FusionProfile, name: str) -> None:
    signals = all_at(0.3)
    raised = tuple(replace(s, score=1.0, raw=12.0) if s.name == name else s for s in signals)
    lower, higher = (fuse(profile, "Review", given, ()) for given in (signals, raised))
    assert lower.score is not None
    assert higher.score is not None
    assert lower.score <= higher.score


def test_a_hit_never_lowers_the_outcome(profile: FusionProfile) -> None:
    hits = (
        build_hit("a", points=5.0),
        build_hit("b", outcome="review"),
        build_hit("c", floor=90.0),
    )
    outcomes = [
        fuse(profile, "Review", all_at(0.0), hits[:count]).outcome for count in range(len(hits) + 1)
    ]
    assert sorted(outcomes, key=BY_SEVERITY.index) == outcomes
    assert outcomes[-1] == "block"


def test_the_order_of_signals_changes_no_bit(profile: FusionProfile) -> None:
    signals = all_at(0.3)
    expected = fuse(profile, "Review", signals, ())
    assert repr(expected) == repr(fuse(profile, "Review", signals[::-1], ()))


def test_bands_begin_at_0_and_rise_to_at_most_100(profile: FusionProfile) -> None:
    bounds = [bound for bound, _ in profile.bands]
    assert bounds[0] == 0.0
    assert sorted(set(bounds)) == bounds
    assert bounds[-1] <= 100.0


def test_each_level_begins_at_its_bound(profile: FusionProfile) -> None:
    expected = [name for _, name in profile.bands]
    assert expected == [profile.level_of(bound) for bound, _ in profile.bands]


def test_each_outcome_begins_at_its_bound(profile: FusionProfile) -> None:
    bounds = profile.outcome_bounds
    outcomes = [profile.outcome_of(score) for score in (0.0, bounds.review, bounds.block)]
    assert outcomes == ["approve", "review", "block"]


def test_the_points_of_the_reasons_sum_to_the_score(profile: FusionProfile) -> None:
    signals = all_at(0.3)
    hits = (build_hit("a", points=7.0), build_hit("b", floor=33.3), build_hit("c", cap=12.5))
    risk = fuse(profile, "Review", signals, hits)
    points = [reason.points for reason in explain_points(risk, signals, hits)]
    assert pytest.approx(risk.score, abs=1e-9) == sum(points)


def test_without_any_sight_of_the_event_it_is_unscored(profile: FusionProfile) -> None:
    risk = fuse(profile, "Review", tuple(build_signal(name) for name in KINDS), ())
    assert (risk.score, risk.level, risk.outcome) == (None, "UNSCORED", "review")


def test_coverage_is_0_without_and_1_with_all_signals(profile: FusionProfile) -> None:
    # The weight of the rules, which are always there, is what is left in the methods that weigh them.
    absent = [build_signal(name) for name in KINDS]
    lowest = profile.all_weights(absent)
    rules = lowest.get("rules", 0.0) / sum(lowest.values())
    assert pytest.approx(rules) == fuse(profile, "Review", absent, ()).coverage
    assert fuse(profile, "Review", all_at(0.3), ()).coverage == 1.0
