"""What every fusion method offers to `fuse`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from sentinel_core.fusion.risk import UNSCORED, Item
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import Declaration, PartName
from sentinel_core.signals.signal import Outcome, Signal, SignalKind

RULES = "rules"
"""Name of the signal that fusion makes of the rule hits."""
MAX_WEIGHTS = 32
MAX_LEVELS = 16

LevelName = Annotated[
    str,
    Field(
        description="Name of a level: A-Z, 0-9 and _, a letter first, at most 32.",
        pattern=r"^[A-Z][A-Z0-9_]{0,31}$",
        examples=["HIGH"],
    ),
]
Score = Annotated[float, Field(ge=0, le=100)]
Levels = Annotated[dict[LevelName, Score], Field(min_length=1, max_length=MAX_LEVELS)]
WeightName = PartName


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a present signal, or the rules, say: a score in [0, 1], higher is riskier."""

    name: str
    kind: SignalKind | Literal["rules"]
    score: float
    raw: float | None = None


@dataclass(frozen=True, slots=True)
class Combined:
    """What a method makes of opinions.

    Attributes
    ----------
    base : in [0, 100], before rounding
    score : in [0, 100], after rounding where the method rounds
    items : one for each opinion that the method reads, in name order, then the rounding; their
        points sum to ``score`` within 1e-9
    """

    base: float
    score: float
    items: tuple[Item, ...]


class Outcomes(Declaration):
    """Scores at which an outcome above approve begins."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="review",
            message="review begins above block; lower the one or raise the other",
            cel="self.review <= self.block",
        ),
    )

    # Above 0, so that whatever is reviewed has points and with them a reason.
    review: Annotated[float, Field(gt=0, le=100)] = Field(
        60, description="Score in (0, 100] from which an event is reviewed."
    )
    block: Annotated[float, Field(gt=0, le=100)] = Field(
        85, description="Score in (0, 100] from which an event is blocked."
    )

    @model_validator(mode="after")
    def _rise(self) -> Outcomes:
        if self.review > self.block:
            message = f"review ({self.review:g}) begins above block ({self.block:g})"
            raise ValueError(message)
        return self


class Method(Declaration, ABC):
    """A way to make one score of many opinions.

    Whatever the method, the base is monotone in every opinion, lies in [0, 100], and does not
    depend on the order in which signals are given, bit for bit: `combine` gets opinions in name
    order, and sums and products run in it.
    """

    @property
    @abstractmethod
    def bands(self) -> tuple[tuple[float, str], ...]:
        """Where each level begins, ascending from 0."""

    @property
    @abstractmethod
    def outcome_bounds(self) -> Outcomes:
        """Where review and block begin."""

    @abstractmethod
    def combine(self, opinions: Sequence[Opinion]) -> Combined:
        """Make the base of the present opinions, given in name order."""

    @abstractmethod
    def all_weights(self, signals: Sequence[Signal]) -> dict[str, float]:
        """Return the weight of all that the method would read, in name order, for the coverage.

        ``signals`` are those configured, present or not, in name order.
        """

    def level_of(self, score: float) -> str:
        """Return the level in whose band a score in [0, 100] lies; a band begins at its bound."""
        return next(name for bound, name in reversed(self.bands) if score >= bound)

    def outcome_of(self, score: float) -> Outcome:
        """Return the outcome of a score; an outcome begins at its bound."""
        bounds = self.outcome_bounds
        if score >= bounds.block:
            return "block"
        return "review" if score >= bounds.review else "approve"


class OwnLevels(Method):
    """A method whose levels, outcomes and weights a pipeline chooses."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="levels",
            message="the lowest level begins at 0",
            cel="!has(self.levels) || self.levels.exists(name, self.levels[name] == 0.0)",
        ),
        CrossField(
            field="levels",
            message="two levels begin at one score",
            cel="!has(self.levels) || self.levels.all(name, self.levels.exists_one(other, "
            "self.levels[other] == self.levels[name]))",
        ),
        CrossField(
            field="levels",
            message=f"{UNSCORED} is the level of events without a score; write another name",
            cel=f"!has(self.levels) || !('{UNSCORED}' in self.levels)",
        ),
    )

    levels: Levels = Field(
        {"LOW": 0.0, "MEDIUM": 30.0, "HIGH": 60.0, "CRITICAL": 85.0},
        description="Score in [0, 100] at which each level begins; the lowest begins at 0.",
    )
    outcomes: Outcomes = Field(
        Outcomes.model_construct(review=60.0, block=85.0),
        description="Scores at which review and block begin.",
    )

    @field_validator("levels")
    @classmethod
    def _levels_rise_from_zero(cls, levels: dict[str, float]) -> dict[str, float]:
        # By bound and not as written: JSON in its canonical form sorts the names.
        rising = sorted(levels.items(), key=lambda level: level[1])
        if rising[0][1] != 0:
            message = f"the lowest level, {rising[0][0]}, begins at {rising[0][1]:g} and not at 0"
            raise ValueError(message)
        for (one, bound), (other, next_bound) in pairwise(rising):
            if bound == next_bound:
                message = f"{one} and {other} both begin at {bound:g}"
                raise ValueError(message)
        if UNSCORED in levels:
            message = f"{UNSCORED} is the level of events without a score"
            raise ValueError(message)
        return levels

    @cached_property
    def bands(self) -> tuple[tuple[float, str], ...]:
        """Where each level begins, ascending from 0."""
        return tuple(sorted((bound, name) for name, bound in self.levels.items()))

    @property
    def outcome_bounds(self) -> Outcomes:
        """Where review and block begin."""
        return self.outcomes

    @property
    @abstractmethod
    def weight_by_name(self) -> dict[str, float]:
        """The weights as configured."""

    def all_weights(self, signals: Sequence[Signal]) -> dict[str, float]:
        """Return the weights of the signals and of the rules; one without a weight has 0."""
        names = sorted({RULES, *(signal.name for signal in signals)})
        return {name: self.weight_by_name.get(name, 0.0) for name in names}
