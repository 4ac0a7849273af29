"""SeedV1: the fixed weights and whole-numbered bands of SentinelX, for those who come from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from sentinel_core.fusion.method import Combined, Method, Opinion, Outcomes
from sentinel_core.fusion.risk import Item
from sentinel_core.signals.signal import Signal

WEIGHTS = {"behaviour": 0.25, "nlp": 0.35, "reputation": 0.20, "url": 0.20}
"""SentinelX's formula, in name order; the names are those of the signals."""
_BANDS = ((0.0, "LOW"), (31.0, "MEDIUM"), (61.0, "HIGH"), (86.0, "CRITICAL"))
"""SentinelX's table says 0-30, 31-60, 61-85, 86-100: it has gaps unless scores are whole."""


class SeedV1(Method):
    """SentinelX's score: 0.35 nlp + 0.25 behaviour + 0.20 url + 0.20 reputation.

    base = 100 times that, a missing signal counting 0; score = floor(base + 0.5). Rules and lists
    have no share in the base: they act through floors, caps and hard outcomes. Review begins at 61,
    where SentinelX raises an alert (its ALERT_TRIGGER_THRESHOLD). SentinelX blocks nothing; block
    begins with CRITICAL, at 86, as in the default profile.
    """

    method: Literal["SeedV1"] = Field(description="SeedV1.")
    outcomes: Outcomes = Field(
        Outcomes.model_construct(review=61.0, block=86.0),
        description="Scores at which review and block begin.",
    )

    @property
    def bands(self) -> tuple[tuple[float, str], ...]:
        """Where each level begins, ascending from 0."""
        return _BANDS

    @property
    def outcome_bounds(self) -> Outcomes:
        """Where review and block begin."""
        return self.outcomes

    def combine(self, opinions: Sequence[Opinion]) -> Combined:
        """Make the base of the present opinions, given in name order."""
        terms = [(o.name, WEIGHTS[o.name] * o.score) for o in opinions if o.name in WEIGHTS]
        base = 100.0 * sum(term for _, term in terms)
        score = float(math.floor(base + 0.5))
        items = [Item(name, 100.0 * term) for name, term in terms]
        return Combined(base, score, (*items, Item("rounding", score - base)))

    def all_weights(self, signals: Sequence[Signal]) -> dict[str, float]:
        """Return the four weights: a signal that is not configured is missing too."""
        del signals
        return WEIGHTS
