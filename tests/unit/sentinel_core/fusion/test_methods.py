"""Each formula, with numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from sentinel_core.fusion import Item, Risk, fuse
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.signals.signal import Signal
from tests.support.fusion_cases import build_hit, build_profile, build_signal

CLOSE = 1e-9


def noisy_or(*signals: Signal, **weights: float) -> Risk:
    return fuse(build_profile({"weights": weights}), "Review", signals, ())


def weighted(*signals: Signal, **weights: float) -> Risk:
    profile = build_profile({"method": "Weighted", "weights": weights})
    return fuse(profile, "Review", signals, ())


def stream_seed(p: float | None, count: float | None, **fields: float) -> Risk:
    profile = build_profile({"method": "StreamSeed", "velocityFeature": "n", **fields})
    velocity = build_signal("velocity", None if count is None else 0.0, raw=count)
    return fuse(profile, "Review", (build_signal("fraud", p), velocity), ())


def seed_v1(nlp: float, behaviour: float, url: float, reputation: float) -> Risk:
    signals = (
        build_signal("nlp", nlp),
        build_signal("behaviour", behaviour),
        build_signal("url", url),
        build_signal("reputation", reputation),
    )
    return fuse(build_profile({"method": "SeedV1"}), "Review", signals, ())


# NoisyOr


def test_noisy_or_is_the_chance_that_not_all_miss() -> None:
    risk = noisy_or(
        build_signal("fraud", 0.5), build_signal("velocity", 0.8), fraud=1, velocity=0.5
    )
    assert pytest.approx(risk.score, abs=CLOSE) == 100 * (1 - 0.5 * 0.6)


def test_noisy_or_shares_points_by_the_logarithms_of_misses() -> None:
    risk = noisy_or(
        build_signal("fraud", 0.5), build_signal("velocity", 0.8), fraud=1, velocity=0.5
    )
    points = {item.name: item.points for item in risk.items}
    total = math.log(0.5) + math.log(0.6)
    assert 70 * math.log(0.5) / total == pytest.approx(points["fraud"], abs=CLOSE)
    assert 70 * math.log(0.6) / total == pytest.approx(points["velocity"], abs=CLOSE)


def test_noisy_or_takes_an_absent_signal_for_0() -> None:
    absent = noisy_or(build_signal("fraud", 0.5), build_signal("velocity"), fraud=1, velocity=1)
    assert absent.score == 50.0


def test_noisy_or_keeps_one_sure_signal_just_below_100() -> None:
    assert pytest.approx(noisy_or(build_signal("fraud", 1.0), fraud=1).score, abs=1e-12) == 100 * (
        1 - 1e-9
    )


def test_noisy_or_gives_no_points_where_all_is_0() -> None:
    risk = noisy_or(build_signal("fraud", 0.0), fraud=1, rules=1)
    assert (Item("fraud", 0.0), Item("rules", 0.0)) == risk.items


def test_rules_score_the_sum_of_their_points_and_at_most_1() -> None:
    profile = build_profile({"weights": {"rules": 0.5}})
    one = fuse(profile, "Review", (), (build_hit("a", points=30.0), build_hit("b", points=10.0)))
    many = fuse(profile, "Review", (), (build_hit("a", points=90.0), build_hit("b", points=90.0)))
    assert [one.score, many.score] == pytest.approx([20.0, 50.0])


# Weighted


def test_weighted_is_the_mean_over_what_is_present() -> None:
    signals = (build_signal("fraud", 0.9), build_signal("velocity", 0.3), build_signal("url"))
    risk = weighted(*signals, fraud=2, velocity=1, url=5)
    assert pytest.approx(risk.score, abs=CLOSE) == 70.0


def test_weighted_counts_rules_that_did_not_hit_as_present() -> None:
    assert pytest.approx(weighted(build_signal("fraud", 0.9), fraud=1, rules=1).score) == 45.0


def test_weighted_is_at_most_100_whatever_the_weights_round_to() -> None:
    # 100 x / x is 100.00000000000001 for this x.
    assert weighted(build_signal("fraud", 1.0), fraud=0.7999999999999999).score == 100.0


def test_weighted_points_are_the_terms() -> None:
    risk = weighted(build_signal("fraud", 0.9), build_signal("velocity", 0.3), fraud=2, velocity=1)
    assert pytest.approx([item.points for item in risk.items]) == [60.0, 0.0, 10.0]


# SeedV1


def test_seed_v1_follows_its_formula_and_not_its_printed_example() -> None:
    risk = seed_v1(0.91, 0.785, 0.25, 0.60)
    assert pytest.approx(risk.base, abs=CLOSE) == 68.475
    assert (risk.score, risk.level, risk.outcome) == (68.0, "HIGH", "review")


def test_seed_v1_shows_its_rounding_as_an_item() -> None:
    rounding = seed_v1(0.91, 0.785, 0.25, 0.60).items[-1]
    assert rounding.name == "rounding"
    assert pytest.approx(-0.475, abs=CLOSE) == rounding.points


def test_seed_v1_takes_a_missing_signal_for_0() -> None:
    risk = fuse(build_profile({"method": "SeedV1"}), "Review", (build_signal("nlp", 1.0),), ())
    assert (risk.score, risk.coverage) == (35.0, 0.35)


@pytest.mark.parametrize(
    ("nlp", "score", "level"),
    [
        (0.30499, 30.0, "LOW"),
        (0.305, 31.0, "MEDIUM"),
        (0.60499, 60.0, "MEDIUM"),
        (0.605, 61.0, "HIGH"),
        (0.85499, 85.0, "HIGH"),
        (0.855, 86.0, "CRITICAL"),
    ],
)
def test_seed_v1_rounds_half_up_into_bands_without_gaps(
    nlp: float, score: float, level: str
) -> None:
    risk = seed_v1(nlp, nlp, nlp, nlp)
    assert (score, level) == (risk.score, risk.level)


def test_seed_v1_raises_an_alert_from_61() -> None:
    alert = [seed_v1(s, s, s, s).outcome for s in (0.60, 0.61, 0.85, 0.86)]
    assert alert == ["approve", "review", "review", "block"]


# StreamSeed


@pytest.mark.parametrize(
    ("count", "score", "level"),
    [
        (0, 0.0, "NONE"),
        (2, 0.0, "NONE"),
        (3, 50.0, "LOW"),
        (5, 50.0, "LOW"),
        (6, 55.0, "MEDIUM"),
        (7, 55.0, "MEDIUM"),
        (8, 70.0, "HIGH"),
        (9, 70.0, "HIGH"),
        (10, 85.0, "CRITICAL"),
        (99, 85.0, "CRITICAL"),
    ],
)
def test_stream_seed_steps_with_the_events_in_the_window(
    count: int, score: float, level: str
) -> None:
    risk = stream_seed(0.0, count)
    assert pytest.approx(score, abs=CLOSE) == risk.score
    assert level == risk.level


@pytest.mark.parametrize(
    ("p", "level"),
    [
        (math.nextafter(0.5, 0), "NONE"),
        (0.5, "LOW"),
        (math.nextafter(0.55, 0), "LOW"),
        (0.55, "MEDIUM"),
        (math.nextafter(0.7, 0), "MEDIUM"),
        (0.7, "HIGH"),
        (math.nextafter(0.85, 0), "HIGH"),
        (0.85, "CRITICAL"),
    ],
)
def test_stream_seed_levels_begin_at_their_bounds(p: float, level: str) -> None:
    assert level == stream_seed(p, 0).level


def test_stream_seed_takes_the_larger_and_gives_it_all_points() -> None:
    items = stream_seed(0.6, 8).items
    assert items == (Item("fraud", 0.0), Item("velocity", 70.0))


def test_stream_seed_gives_a_tie_to_the_model() -> None:
    assert stream_seed(0.5, 3).items == (Item("fraud", 50.0), Item("velocity", 0.0))


def test_stream_seed_gives_a_tie_to_the_model_whatever_its_name() -> None:
    profile = build_profile({"method": "StreamSeed", "velocityFeature": "n"})
    signals = (Signal("zebra", "model", "ok", 0.5), build_signal("velocity", 0.5, raw=3.0))
    items = fuse(profile, "Review", signals, ()).items
    assert items == (Item("velocity", 0.0), Item("zebra", 50.0))


def test_stream_seed_goes_on_without_a_count() -> None:
    assert stream_seed(0.6, None).score == 60.0


@pytest.mark.parametrize(
    ("threshold", "count", "score"), [(5, 4, 0.0), (5, 5, 50.0), (1, 1, 50.0), (6, 6, 55.0)]
)
def test_stream_seed_counts_from_its_velocity_threshold(
    threshold: int, count: int, score: float
) -> None:
    actual = stream_seed(0.0, count, velocityThreshold=threshold).score
    assert score == pytest.approx(actual, abs=CLOSE)


@pytest.mark.parametrize(
    ("p", "threshold", "level"),
    [(0.29, 0.29, "LOW"), (0.28, 0.29, "NONE"), (0.54, 0.55, "NONE"), (0.55, 0.55, "MEDIUM")],
)
def test_stream_seed_has_no_level_below_its_score_threshold(
    p: float, threshold: float, level: str
) -> None:
    assert level == stream_seed(p, 0, scoreThreshold=threshold).level


def test_stream_seed_reviews_from_its_threshold_and_blocks_what_is_critical() -> None:
    outcomes = [stream_seed(p, 0, scoreThreshold=0.4).outcome for p in (0.39, 0.4, 0.84, 0.85)]
    assert outcomes == ["approve", "review", "review", "block"]


def test_stream_seed_makes_a_velocity_signal_whose_score_is_its_step() -> None:
    profile = StreamSeed.model_validate({"method": "StreamSeed", "velocityFeature": "n"})
    (curve,) = profile.velocity_profile().curves
    expected = [(float(count), profile.velocity_risk(count)) for count in range(3, 11)]
    assert ("n", expected) == (curve.feature, list(curve.points))
