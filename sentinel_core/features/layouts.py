"""From a feature spec to what the entity logs must keep for it."""

from __future__ import annotations

from sentinel_core.events.schema import EventSchema, schema_of
from sentinel_core.features.spec import AGGREGATES, Feature, FeatureSpec
from sentinel_core.state.layout import (
    Column,
    LabelIs,
    LogLayout,
    TrackLayout,
    Where,
    merge_layouts,
)

TrackKey = tuple[Where, str | None]
"""What tells one track of an entity from another: its selection, and the field its events have."""


def build_layouts(spec: FeatureSpec) -> dict[str, LogLayout]:
    """Return the layout of each entity kind that the spec aggregates over."""
    schema = schema_of(spec.event_type)
    parts = []
    for feature in spec.features:
        if feature.form in AGGREGATES and feature.entity is not None:
            columns = columns_of(feature, schema)
            tracks = tuple(TrackLayout(w, p, columns) for w, p in track_keys(feature, spec))
            reach_us = feature.window_us + feature.delay_us
            parts.append({feature.entity: LogLayout(feature.entity, tracks, reach_us)})
    return merge_layouts(parts)


def track_keys(feature: Feature, spec: FeatureSpec) -> tuple[TrackKey, ...]:
    """Return the tracks that a feature reads: one, or for a rate all events and then the frauds."""
    if feature.form == "rate":
        return (None, None), (LabelIs("fraud"), None)
    field = feature.field
    required = field is None or schema_of(spec.event_type).fields[field].required
    return ((feature.where, None if required else field),)


def columns_of(feature: Feature, schema: EventSchema) -> tuple[Column, ...]:
    """Return the values that a feature needs of each past event."""
    field = feature.field
    if field is None:
        return ()
    if feature.form == "geo_speed":
        return (Column(field, "place"),)
    if feature.form == "distinct":
        return (Column(field, "text"),)
    scale = schema.fields[field].scale
    if feature.form in ("min", "max"):
        return (Column(field, "number", scale),)
    total = Column(field, "sum", scale)
    if feature.form in ("stddev", "zscore"):
        return total, Column(field, "square", scale)
    return (total,)
