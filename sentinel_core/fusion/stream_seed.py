"""StreamSeed: the larger of model and velocity, as sentinel-stream has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from sentinel_core.fusion.method import Combined, Method, Opinion, Outcomes
from sentinel_core.fusion.risk import Item
from sentinel_core.signals.profile import Curve, FeatureName, VelocityProfile
from sentinel_core.signals.signal import Signal

_STEPS = ((10, 0.85), (8, 0.70), (6, 0.55))
_FIRST_STEP = 0.50
"""sentinel-stream's table: 3-5, 6-7, 8-9, 10+ events in 60 s are LOW, MEDIUM, HIGH, CRITICAL, which
begin at 0.50, 0.55, 0.70, 0.85. The first step begins at ``velocityThreshold``."""
_UPPER_BANDS = ((55.0, "MEDIUM"), (70.0, "HIGH"), (85.0, "CRITICAL"))
_READ = ("model", "velocity")


class StreamSeed(Method):
    """100 max(p, v): p is the model's score, v a step function of the events in a short window.

    p is the largest score of the present models. v = 0.50 / 0.55 / 0.70 / 0.85 from 3 / 6 / 8 / 10
    events in ``windowSeconds`` including this one, read from the raw value of the velocity signal
    that `velocity_profile` describes. Levels are NONE below ``scoreThreshold``, then LOW, MEDIUM
    from 55, HIGH from 70, CRITICAL from 85. Rules and lists have no share in the base: they act
    through floors, caps and hard outcomes.
    """

    method: Literal["StreamSeed"] = Field(description="StreamSeed.")
    velocity_feature: FeatureName = Field(
        description="Feature that counts an entity's events in windowSeconds, this one included.",
        examples=["card_count_60s"],
    )
    window_seconds: int = Field(
        60, ge=60, le=86_400, description="Seconds over which velocityFeature counts."
    )
    # At most where MEDIUM begins: above it, bands would overlap.
    score_threshold: Annotated[float, Field(gt=0, le=0.55)] = Field(
        0.5, description="Score in (0, 0.55] below which the level is NONE."
    )
    # At most where the second step begins.
    velocity_threshold: Annotated[int, Field(ge=1, le=6)] = Field(
        3, description="Events in the window, 1 to 6, below which velocity counts nothing."
    )
    outcomes: Outcomes | None = Field(
        None, description="Scores at which review and block begin; by default LOW and CRITICAL."
    )

    @cached_property
    def bands(self) -> tuple[tuple[float, str], ...]:
        """Where each level begins, ascending from 0; at a threshold of 0.55 there is no LOW."""
        low = 100.0 * self.score_threshold
        lower = ((0.0, "NONE"), (low, "LOW")) if low < _UPPER_BANDS[0][0] else ((0.0, "NONE"),)
        return lower + _UPPER_BANDS

    @cached_property
    def outcome_bounds(self) -> Outcomes:
        """Where review and block begin; an alert of sentinel-stream is a review."""
        if self.outcomes is not None:
            return self.outcomes
        return Outcomes(review=self.bands[1][0], block=_UPPER_BANDS[-1][0])

    def velocity_profile(self) -> VelocityProfile:
        """Return the velocity signal that this method reads, in place of curves of the pipeline.

        Its raw value is the count; its score is v, for rules and for the record.
        """
        counts = range(self.velocity_threshold, _STEPS[0][0] + 1)
        points = tuple((float(count), self.velocity_risk(count)) for count in counts)
        return VelocityProfile(curves=(Curve(feature=self.velocity_feature, points=points),))

    def velocity_risk(self, count: float) -> float:
        """Return v for a number of events in the window, this one included."""
        if count < self.velocity_threshold:
            return 0.0
        return next((risk for least, risk in _STEPS if count >= least), _FIRST_STEP)

    def combine(self, opinions: Sequence[Opinion]) -> Combined:
        """Make the base of the present opinions, given in name order."""
        risks = [(o, self._risk(o)) for o in opinions if o.kind in _READ]
        if not risks:
            return Combined(0.0, 0.0, ())
        # On a tie, models stand before velocity and then names decide.
        winner, risk = min(risks, key=lambda r: (-r[1], r[0].kind, r[0].name))
        base = 100.0 * risk
        items = tuple(Item(o.name, base if o is winner else 0.0) for o, _ in risks)
        return Combined(base, base, items)

    def all_weights(self, signals: Sequence[Signal]) -> dict[str, float]:
        """Return 1 for each model and for velocity: the method weighs none above another."""
        return {signal.name: 1.0 for signal in signals if signal.kind in _READ}

    def _risk(self, opinion: Opinion) -> float:
        if opinion.kind == "model":
            return opinion.score
        return 0.0 if opinion.raw is None else self.velocity_risk(opinion.raw)
