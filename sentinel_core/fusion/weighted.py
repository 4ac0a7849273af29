"""Weighted: the mean of what is present."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel_core.fusion.method import MAX_WEIGHTS, Combined, Opinion, OwnLevels, WeightName
from sentinel_core.fusion.risk import Item
from sentinel_core.resources.cross_field import CrossField

MAX_WEIGHT = 1000.0
"""Weights mean something only against each other; within three digits they stay readable."""


class Weighted(OwnLevels):
    """The weighted mean over the present signals: 100 sum(w_i s_i) / sum(w_i).

    A signal that becomes absent moves the mean, up or down: the method is monotone over a fixed set
    of present signals only. Choose NoisyOr where that matters.
    """

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        *OwnLevels.cross_field,
        CrossField(
            field="weights",
            message="weights of Weighted lie above 0",
            cel="self.weights.all(name, self.weights[name] > 0.0)",
        ),
    )

    method: Literal["Weighted"] = Field(description="Weighted.")
    weights: dict[WeightName, Annotated[float, Field(gt=0, le=MAX_WEIGHT)]] = Field(
        description="Weight above 0 by name of the signal; rules and lists are signals too.",
        min_length=1,
        max_length=MAX_WEIGHTS,
    )

    @property
    def weight_by_name(self) -> dict[str, float]:
        """The weights as configured."""
        return self.weights

    def combine(self, opinions: Sequence[Opinion]) -> Combined:
        """Make the base of the present opinions, given in name order."""
        weighed = [(o, self.weights.get(o.name, 0.0)) for o in opinions]
        total = sum(weight for _, weight in weighed)
        if not total:
            return Combined(0.0, 0.0, tuple(Item(o.name, 0.0) for o in opinions))
        # Divided before it is scaled: at most 1, where 100 x / x may round above 100.
        base = 100.0 * (sum(weight * o.score for o, weight in weighed) / total)
        items = tuple(Item(o.name, 100.0 * (weight * o.score) / total) for o, weight in weighed)
        return Combined(base, base, items)
