"""What no signal may answer."""

from __future__ import annotations

import math

import pytest

from sentinel_core.errors import SentinelError
from sentinel_core.signals.signal import Signal


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.01, 1.01])
def test_a_score_outside_0_to_1_is_refused(score: float) -> None:
    with pytest.raises(SentinelError):
        Signal("fraud", "model", "ok", score)


def test_an_ok_signal_without_a_score_is_refused() -> None:
    with pytest.raises(SentinelError):
        Signal("fraud", "model", "ok")


def test_a_failed_model_may_name_a_fallback_score() -> None:
    assert Signal("fraud", "model", "failed", 0.7).score == 0.7
