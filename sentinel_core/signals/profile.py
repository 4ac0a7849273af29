"""The ``signals:`` block of a pipeline: curves from feature values to risk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, ClassVar, TypeVar

from pydantic import AfterValidator, Field, JsonValue, field_validator

from sentinel_core.errors import Problem
from sentinel_core.located import Located, problem, refusal
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.faults import parse_block
from sentinel_core.resources.metadata import Declaration

MAX_CURVES = 32
MAX_POINTS = 32
"""Bounds that keep a block readable; a curve with more bends than this is a model."""
MAX_FEATURE_VALUE = 1e15
"""Largest value that a point may name; counts and amounts in float64 are exact below it."""

Items = TypeVar("Items")


def _require_one(items: tuple[Items, ...]) -> tuple[Items, ...]:
    if not items:
        message = "write at least one"
        raise ValueError(message)
    return items


# Not min_length: where an item is faulty, pydantic would call the tuple too short as well.
NotEmpty = AfterValidator(_require_one)
AT_LEAST_ONE: dict[str, JsonValue] = {"minItems": 1}
"""The same in a schema."""

FeatureName = Annotated[str, Field(max_length=63)]
"""Whether it is the name of a feature, the feature spec says."""
Point = Annotated[
    tuple[
        Annotated[float, Field(ge=-MAX_FEATURE_VALUE, le=MAX_FEATURE_VALUE)],
        Annotated[float, Field(ge=0, le=1)],
    ],
    Field(strict=False),
]


class Curve(Declaration):
    """How risky a feature's value is: straight lines between points, never falling.

    The curve begins with its first point: below the first x the risk is 0, not the first y. With
    ``[[3, 0.2], [10, 1]]`` two payments are no risk and three are 0.2. From the last x on, the risk
    stays at the last y.
    """

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="points",
            message="a risk lies in [0, 1]",
            cel="self.points.all(point, point[1] >= 0.0 && point[1] <= 1.0)",
        ),
        CrossField(
            field="points",
            message="values must rise from point to point",
            cel="self.points.map(point, point[0]).isSorted() && self.points.all(point, "
            "self.points.exists_one(other, other[0] == point[0]))",
        ),
        CrossField(
            field="points",
            message="risks must not fall from point to point",
            cel="self.points.map(point, point[1]).isSorted()",
        ),
    )

    feature: FeatureName = Field(description="Name of the feature that the curve reads.")
    points: Annotated[tuple[Point, ...], Field(strict=False), NotEmpty] = Field(
        description="Pairs of value and risk: values rise, risks in [0, 1] do not fall.",
        max_length=MAX_POINTS,
        json_schema_extra=AT_LEAST_ONE,
        examples=["[[3, 0.2], [10, 1]]"],
    )

    @field_validator("points")
    @classmethod
    def _never_fall(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        for (x0, y0), (x1, y1) in pairwise(points):
            if x1 <= x0:
                message = f"the value {x1:g} does not lie above {x0:g}, the one before it"
                raise ValueError(message)
            if y1 < y0:
                message = f"the risk falls from {y0:g} to {y1:g}"
                raise ValueError(message)
        return points


class VelocityProfile(Declaration):
    """Risk of how much happened in a short time: the maximum over the curves."""

    curves: Annotated[tuple[Curve, ...], Field(strict=False), NotEmpty] = Field(
        description="One curve for each feature that counts.",
        max_length=MAX_CURVES,
        json_schema_extra=AT_LEAST_ONE,
    )


class BehaviourProfile(VelocityProfile):
    """Risk of how far an event lies from what its entity did before: the maximum over the curves."""

    history: FeatureName = Field(
        description="Name of the feature that counts the entity's past events."
    )
    min_history: int = Field(
        5,
        ge=0,
        le=1_000_000,
        description="Past events below which there is no habit to deviate from.",
    )


class SignalsProfile(Declaration):
    """Which of the signals made of features a pipeline has."""

    velocity: VelocityProfile | None = Field(None, description="Absent means no such signal.")
    behaviour: BehaviourProfile | None = Field(None, description="Absent means no such signal.")


def parse_signals(document: Located, features: Sequence[str], at: str = "") -> SignalsProfile:
    """Read a ``signals:`` block and check the features that it names.

    Parameters
    ----------
    features : sequence of str
        Names of the pipeline's features.
    at : str
        Dotted path of the block in its document, put before the names in messages.

    Raises
    ------
    InvalidDocumentError
        With every fault at its place. Retryable: no.
    """
    profile = parse_block(document, SignalsProfile, at)
    problems = list(_unknown_features(profile, document, features))
    if problems:
        raise refusal(problems)
    return profile


def _unknown_features(
    profile: SignalsProfile, document: Located, features: Sequence[str]
) -> Iterator[Problem]:
    for path, name in _named_features(profile):
        if name not in features:
            close = get_close_matches(name, features, n=1)
            hint = f"did you mean {close[0]}?" if close else "add it to the feature spec"
            yield problem(document.at(path), f"there is no feature {name}", hint)


def _named_features(profile: SignalsProfile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for kind, block in (("velocity", profile.velocity), ("behaviour", profile.behaviour)):
        for index, curve in enumerate(block.curves if block else ()):
            yield (kind, "curves", index, "feature"), curve.feature
    if profile.behaviour is not None:
        yield ("behaviour", "history"), profile.behaviour.history
