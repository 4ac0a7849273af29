"""The one function that turns an event and its entities' logs into a feature vector.

Serving calls it for each event (over logs in memory); training, evaluation and the backtest loop over
it. There is no second copy of any formula, so online and offline agree to the bit.

The order in time is: read the logs, compute, then admit the event to the logs. Admission comes last
because a ``where`` may select events by a feature value that they had on arrival (ADR-0003).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sentinel_core.clock import DAY_US, HOUR_US
from sentinel_core.events import Fields, schema_of
from sentinel_core.features.aggregates import MISSING, Op, Place, build_op
from sentinel_core.features.layouts import build_layouts, track_keys
from sentinel_core.features.spec import AGGREGATES, Feature, FeatureSpec
from sentinel_core.state import EntityLog, FeatureIs, LabelIs, LogLayout

Vector = tuple[float, ...]
"""Feature values as float64, in the order of the spec; NaN is missing."""

_THURSDAY = 3
"""Weekday of 1970-01-01, counted from Monday as 0."""


@dataclass(frozen=True, slots=True)
class _EntityPlan:
    """How to read one entity's log: where to cut its tracks, and what to make of the pieces."""

    kind: str
    track_indexes: tuple[tuple[int, bool], ...]
    cuts: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]
    ops: tuple[tuple[int, Op], ...]


class Kernel:
    """A feature spec, bound to the layout of the logs it reads.

    Parameters
    ----------
    spec : FeatureSpec
        What to compute.
    layouts : mapping from entity kind to layout, optional
        What the logs keep, where that is more than this spec needs (two releases share logs).
        It must cover `build_layouts(spec)`.
    """

    def __init__(self, spec: FeatureSpec, layouts: Mapping[str, LogLayout] | None = None) -> None:
        self.spec = spec
        self.layouts = dict(layouts) if layouts is not None else build_layouts(spec)
        slots = {feature.name: slot for slot, feature in enumerate(spec.features)}
        self._row_ops = [(slots[f.name], _row_op(f)) for f in spec.features if _is_row_leaf(f)]
        self._plans = [_plan(kind, layout, spec, slots) for kind, layout in self.layouts.items()]
        self._derived = [
            (slots[f.name], f.form == "ratio", slots[f.operands[0]], slots[f.operands[1]])
            for f in spec.features
            if f.operands
        ]
        self._slots = slots

    @cached_property
    def selections(self) -> tuple[FeatureIs, ...]:
        """The feature values by which this spec selects past events."""
        wheres = dict.fromkeys(f.where for f in self.spec.features)
        return tuple(where for where in wheres if isinstance(where, FeatureIs))

    def compute(self, time_us: int, fields: Fields, logs: Mapping[str, EntityLog]) -> Vector:
        """Compute the vector of an event from what its entities did before it.

        Nothing is changed but the label horizon of the logs. An entity that the event does not have
        leaves its features missing.
        """
        values = [MISSING] * len(self.spec.features)
        for slot, row_op in self._row_ops:
            values[slot] = row_op(time_us, fields)
        for plan in self._plans:
            log = logs.get(plan.kind)
            if log is not None:
                _read(plan, log, time_us, fields, values)
        for slot, is_ratio, above, below in self._derived:
            one, other = values[above], values[below]
            if not is_ratio:
                values[slot] = one - other
            elif other != 0:
                values[slot] = one / other
        return tuple(values)

    def select(self, vector: Vector) -> dict[FeatureIs, bool]:
        """Tell for each selection by feature value whether an event with this vector is in it."""
        return {where: where.holds(vector[self._slots[where.feature]]) for where in self.selections}


def _read(
    plan: _EntityPlan, log: EntityLog, time_us: int, fields: Fields, values: list[float]
) -> None:
    kept = log.tracks
    tracks = [
        log.track_at(index, time_us) if labelled else kept[index]
        for index, labelled in plan.track_indexes
    ]
    spots: list[int] = []
    for place, offsets, at_start in plan.cuts:
        times = tracks[place].times
        if not times:
            spots += at_start
            continue
        spot = 0
        for offset in offsets:  # longest first, so that each search starts where the last ended
            spot = bisect_right(times, time_us - offset, spot)
            spots.append(spot)
    for slot, op in plan.ops:
        values[slot] = op(tracks, spots, time_us, fields)


def _plan(kind: str, layout: LogLayout, spec: FeatureSpec, slots: dict[str, int]) -> _EntityPlan:
    features = [f for f in spec.features if f.entity == kind]
    keys = dict.fromkeys(key for f in features for key in track_keys(f, spec))
    index_of = {(track.where, track.present): i for i, track in enumerate(layout.tracks)}
    places = {key: place for place, key in enumerate(keys)}
    offsets = {
        key: sorted({o for f in features if key in track_keys(f, spec) for o in _edges(f)})[::-1]
        for key in keys
    }
    spots: dict[tuple[int, int], int] = {}
    for key, cuts in offsets.items():
        for offset in cuts:
            spots[places[key], offset] = len(spots)
    ops = []
    for feature in features:
        pieces = [
            Place(
                places[key],
                spots[places[key], feature.delay_us + feature.window_us],
                spots[places[key], feature.delay_us],
                layout.tracks[index_of[key]],
            )
            for key in track_keys(feature, spec)
        ]
        ops.append((slots[feature.name], build_op(feature, pieces, schema_of(spec.event_type))))
    return _EntityPlan(
        kind,
        tuple((index_of[key], isinstance(key[0], LabelIs)) for key in keys),
        tuple((places[key], tuple(cuts), (0,) * len(cuts)) for key, cuts in offsets.items()),
        tuple(ops),
    )


def _edges(feature: Feature) -> tuple[int, int]:
    return feature.delay_us + feature.window_us, feature.delay_us


def _is_row_leaf(feature: Feature) -> bool:
    return feature.form not in AGGREGATES and feature.operands is None


def _row_op(feature: Feature) -> Callable[[int, Fields], float]:
    if feature.form == "value":
        return _value_op(feature)
    if feature.form in ("hour", "hour_between"):
        clock = _hour
    else:
        clock = _weekday
    if feature.between is None:
        return lambda time_us, _fields: float(clock(time_us))
    first, last = feature.between
    return lambda time_us, _fields: float(first <= clock(time_us) <= last)


def _value_op(feature: Feature) -> Callable[[int, Fields], float]:
    field, index = str(feature.field), feature.index

    def whole(_time_us: int, fields: Fields) -> float:
        return float(fields.get(field, MISSING))

    def part(_time_us: int, fields: Fields) -> float:
        values = fields.get(field, ())
        return float(values[index]) if index is not None and index < len(values) else MISSING

    return whole if index is None else part


def _hour(time_us: int) -> int:
    return time_us // HOUR_US % 24


def _weekday(time_us: int) -> int:
    return (time_us // DAY_US + _THURSDAY) % 7
