"""What fusion answers: one score with the points that make it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.signals.signal import Outcome

FailurePolicy = Literal["Open", "Review", "Closed"]

UNSCORED = "UNSCORED"
"""Level of an event about which nothing is known; never a level of a profile."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a score.

    Attributes
    ----------
    name : a signal's name, ``rules``, ``rounding``, ``cap:<source>`` or ``floor:<source>`` with a
        signal's name or ``rule:<id>`` as the source, or ``failurePolicy``
    points : in the score's unit; a cap's are not positive, ``failurePolicy`` has 0
    """

    name: str
    points: float


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk of one event.

    Attributes
    ----------
    score : in [0, 100], higher is riskier; None where the level is UNSCORED
    coverage : weight of the present signals over the weight of all, in [0, 1]
    base : the method's own result before rounding, caps and floors, in [0, 100]
    items : their points sum to the score within 1e-9
    """

    score: float | None
    level: str
    outcome: Outcome
    coverage: float
    base: float
    items: tuple[Item, ...]
