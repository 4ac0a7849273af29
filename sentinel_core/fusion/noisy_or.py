"""NoisyOr: every signal is a chance to catch, and they miss independently."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel_core.fusion.method import MAX_WEIGHTS, Combined, Opinion, OwnLevels, WeightName
from sentinel_core.fusion.risk import Item
from sentinel_core.resources.cross_field import CrossField

MAX_SHARE = 1 - 1e-9
"""Largest share of one signal: below 1, so that every share has a logarithm."""


class NoisyOr(OwnLevels):
    """The probability that at least one signal is right, were they independent.

    x_i = min(w_i s_i, 1 - 1e-9); base = 100 (1 - prod(1 - x_i)); an absent signal has x = 0. Points
    are base ln(1 - x_i) / sum ln(1 - x_j). Signals that see the same thing count twice: weights
    below 1 make up for it. The model is Pearl's noisy-OR gate (1988, section 4.3.2).
    """

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        *OwnLevels.cross_field,
        CrossField(
            field="weights",
            message="weights of NoisyOr lie in [0, 1]",
            cel="self.weights.all(name, self.weights[name] <= 1.0)",
        ),
    )

    method: Literal["NoisyOr"] = Field("NoisyOr", description="NoisyOr.")
    weights: dict[WeightName, Annotated[float, Field(ge=0, le=1)]] = Field(
        description="Weight in [0, 1] by name of the signal; rules and lists are signals too.",
        min_length=1,
        max_length=MAX_WEIGHTS,
    )

    @property
    def weight_by_name(self) -> dict[str, float]:
        """The weights as configured."""
        return self.weights

    def combine(self, opinions: Sequence[Opinion]) -> Combined:
        """Make the base of the present opinions, given in name order."""
        missed, log_missed = 1.0, 0.0
        logs = []
        for opinion in opinions:
            share = min(self.weights.get(opinion.name, 0.0) * opinion.score, MAX_SHARE)
            missed *= 1.0 - share
            logs.append(math.log(1.0 - share))
            log_missed += logs[-1]
        base = 100.0 * (1.0 - missed)
        items = tuple(
            Item(o.name, base * (log / log_missed) if log_missed else 0.0)
            for o, log in zip(opinions, logs, strict=True)
        )
        return Combined(base, base, items)
