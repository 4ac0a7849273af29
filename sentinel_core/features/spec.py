"""The feature spec: which numbers a pipeline sees of an event and of what its entities did before.

A spec has forms, not expressions, so that every feature can be checked when it is written, computed
exactly at any event time, and described in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sentinel_core.ids import digest_json
from sentinel_core.state.layout import FeatureIs, FieldIs, LabelIs, Where

ROW_FORMS = ("value", "hour", "weekday", "hour_between", "weekday_between", "ratio", "difference")
AGGREGATES = (
    "count", "sum", "mean", "min", "max", "stddev", "distinct", "rate", "since_first",
    "since_last", "zscore", "geo_speed",
)  # fmt: skip
OVER_A_NUMBER = ("sum", "mean", "min", "max", "stddev", "zscore")
"""Aggregates that take a payload number."""
ZERO_WHEN_EMPTY = ("count", "sum", "distinct")
"""Aggregates whose empty window is 0; the others are missing unless ``empty`` is given."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes
    ----------
    form : one of `ROW_FORMS` or `AGGREGATES`
    field : payload field that the form reads; for ``distinct`` the field whose values are counted
    index : place in the field ``vector``, from 0, where the field is that
    entity : kind of entity whose past events are aggregated; None for row forms
    window_us, delay_us : the window holds past events f with t - delay - window < t_f <= t - delay
    include_self : whether the event itself is in its window
    empty : value of an empty window, where the form's own does not do
    between : first and last hour or weekday, both ends included
    operands : names of the two features of a ratio or difference
    """

    name: str
    form: str
    field: str | None = None
    index: int | None = None
    entity: str | None = None
    window_us: int = 0
    delay_us: int = 0
    where: Where = None
    include_self: bool = False
    empty: float | None = None
    between: tuple[int, int] | None = None
    operands: tuple[str, str] | None = None


@dataclass(frozen=True)
class FeatureSpec:
    """A checked list of features for one type of event.

    Attributes
    ----------
    event_type : the type whose fields the spec was checked against
    features : in the order of the vector
    source : the spec as plain JSON, which a release carries
    """

    event_type: str
    features: tuple[Feature, ...]
    source: dict[str, Any]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def digest(self) -> str:
        """Name of the spec by its content; another event type makes another spec."""
        return digest_json({"event": self.event_type, "features": self.source["features"]})

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Features by name."""
        return {feature.name: feature for feature in self.features}

    def plain(self) -> dict[str, Any]:
        """Return the spec as plain JSON, as a release carries it."""
        return self.source

    def closure(self, names: list[str]) -> FeatureSpec:
        """Return the smallest spec that still computes the named features, in this spec's order."""
        needed: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name not in needed:
                needed.add(name)
                stack.extend(dependencies(self.by_name[name]))
        features = tuple(f for f in self.features if f.name in needed)
        source = [s for s in self.source["features"] if s["name"] in needed]
        return FeatureSpec(self.event_type, features, {"features": source})


def dependencies(feature: Feature) -> tuple[str, ...]:
    """Return the names of the features that a feature reads."""
    if isinstance(feature.where, FeatureIs):
        return (feature.where.feature,)
    return feature.operands or ()


def definition_digest(feature: Feature, by_name: dict[str, Feature]) -> str:
    """Name what a feature computes, whatever it and the features it reads are called."""
    return digest_json(_definition(feature, by_name))


def _definition(feature: Feature, by_name: dict[str, Feature]) -> list[Any]:
    where: list[Any] | None = None
    if isinstance(feature.where, LabelIs):
        where = ["label", feature.where.label]
    elif isinstance(feature.where, FieldIs):
        operand = feature.where.operand
        listed = list(operand) if isinstance(operand, tuple) else operand
        where = ["field", feature.where.field, feature.where.comparison, listed]
    elif isinstance(feature.where, FeatureIs):
        inner = _definition(by_name[feature.where.feature], by_name)
        where = ["feature", inner, feature.where.comparison, feature.where.operand]
    operands = [_definition(by_name[name], by_name) for name in feature.operands or ()]
    return [
        feature.form, feature.field, feature.index, feature.entity, feature.window_us,
        feature.delay_us, where, feature.include_self, feature.empty,
        list(feature.between or ()), operands,
    ]  # fmt: skip
