"""Calibration: how a margin becomes a probability.

Only strictly increasing maps, so that calibration never changes a ranking (isotonic regression has
ties and is left out for that). Each maps the margin m, in log-odds, to calibrated log-odds q; the
probability is 1 / (1 + exp(-q)).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Coefficient = Annotated[float, Field(ge=-1e6, le=1e6)]
Slope = Annotated[float, Field(ge=1e-6, le=1e6)]
"""Strictly positive with room to spare: a slope below 1e-6 would tie margins after rounding."""


class _Map(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Affine(_Map):
    """q = a m + b, with a > 0 (Platt, Advances in Large Margin Classifiers, 1999)."""

    kind: Literal["Affine"] = "Affine"
    a: Slope
    b: Coefficient


class Beta(_Map):
    """q = a ln p - b ln(1 - p) + c with p = 1 / (1 + exp(-m)), a > 0, b > 0.

    Kull, Silva Filho and Flach, "Beta calibration", AISTATS 2017; a = b = 1, c = 0 changes nothing.
    """

    kind: Literal["Beta"] = "Beta"
    a: Slope
    b: Slope
    c: Coefficient


class PiecewiseLinear(_Map):
    """q runs straight from point to point; beyond the ends the outer slopes go on.

    ``points`` are pairs (m, q), both strictly increasing.
    """

    kind: Literal["PiecewiseLinear"] = "PiecewiseLinear"
    points: tuple[tuple[Coefficient, Coefficient], ...] = Field(min_length=2, max_length=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for (m0, q0), (m1, q1) in zip(self.points, self.points[1:], strict=False):
            if not (m0 < m1 and q0 < q1):
                raise ValueError("points must strictly increase in both numbers")
        return self

    @property
    def slopes(self) -> tuple[float, ...]:
        """Slope of each piece, all positive."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return tuple((q1 - q0) / (m1 - m0) for (m0, q0), (m1, q1) in pairs)


Calibration = Annotated[Affine | Beta | PiecewiseLinear, Field(discriminator="kind")]
UNCALIBRATED = Affine(a=1.0, b=0.0)
"""The margin is taken as log-odds as it is."""
