"""Velocity and behaviour read a feature vector."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sentinel_core.reason import Reason
from sentinel_core.signals.curves import BehaviourSignal, VelocitySignal, risk_at
from sentinel_core.signals.profile import BehaviourProfile, VelocityProfile
from sentinel_core.signals.signal import Signal

NAMES = ("card_count_1h", "device_cards_1d", "card_count_60d")
CURVES = [
    {"feature": "card_count_1h", "points": [[3, 0.2], [10, 1]]},
    {"feature": "device_cards_1d", "points": [[2, 0.4], [4, 0.8]]},
]
MISSING = math.nan


def phrase_of(name: str) -> Callable[[float], str]:
    return lambda value: f"{value:g} of {name}"


PHRASES = {name: phrase_of(name) for name in NAMES}
VELOCITY = VelocitySignal(VelocityProfile.model_validate({"curves": CURVES}), NAMES, PHRASES)
BEHAVIOUR = BehaviourSignal(
    BehaviourProfile.model_validate({"curves": CURVES, "history": "card_count_60d"}),
    NAMES,
    PHRASES,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1, 0.0), (2.999, 0.0), (3, 0.5), (6.5, 0.75), (10, 1.0), (1e12, 1.0), (math.inf, 1.0)],
)
def test_a_curve_is_0_before_its_first_point_and_flat_after_its_last(
    value: float, expected: float
) -> None:
    assert expected == risk_at((3, 10), (0.5, 1), value)


def test_a_curve_does_not_rise_above_the_next_point_by_rounding() -> None:
    # 0.03 + (0.29 - 0.03) is 0.29000000000000004, and over so long a way the share rounds to 1.
    assert risk_at((-1e15, 0.001), (0.03, 0.29), math.nextafter(0.001, 0)) == 0.29


def test_the_largest_curve_gives_score_reason_and_raw_value() -> None:
    reasons = (
        Reason("feature:card_count_1h", "3 of card_count_1h.", 0.0),
        Reason("feature:device_cards_1d", "3 of device_cards_1d.", 0.6000000000000001),
    )
    expected = Signal("velocity", "velocity", "ok", 0.6000000000000001, reasons, raw=3.0)
    assert expected == VELOCITY.evaluate((3.0, 3.0, MISSING))


def test_curves_that_are_equally_high_share_the_reason() -> None:
    curves = [{"feature": name, "points": [[1, 0.5]]} for name in NAMES[:2]]
    signal = VelocitySignal(VelocityProfile.model_validate({"curves": curves}), NAMES, PHRASES)
    assert [r.weight for r in signal.evaluate((1.0, 1.0, 0.0)).reasons] == [0.5, 0.5]


def test_curves_at_0_have_no_reason() -> None:
    expected = Signal("velocity", "velocity", "ok", 0.0, (), raw=1.0)
    assert expected == VELOCITY.evaluate((1.0, 0.0, 0.0))


def test_a_missing_feature_does_not_count() -> None:
    assert VELOCITY.evaluate((MISSING, 2.0, 0.0)).score == 0.4


def test_velocity_without_any_feature_is_absent() -> None:
    assert Signal("velocity", "velocity", "absent") == VELOCITY.evaluate((MISSING, MISSING, 9.0))


@pytest.mark.parametrize(
    ("history", "expected"), [(4.0, "absent"), (5.0, "ok"), (MISSING, "absent")]
)
def test_behaviour_needs_a_history(history: float, expected: str) -> None:
    assert expected == BEHAVIOUR.evaluate((10.0, 0.0, history)).status


def test_behaviour_reads_its_curves() -> None:
    signal = BEHAVIOUR.evaluate((10.0, 0.0, 5.0))
    assert (signal.kind, signal.score) == ("behaviour", 1.0)
