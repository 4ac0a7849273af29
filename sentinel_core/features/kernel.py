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
from sentinel_core.features.aggregates import MISSING, Op, Place, build_op, empty_value
from sentinel_core.features.layouts import TrackKey, build_layouts, track_keys
from sentinel_core.features.spec import AGGREGATES, Feature, FeatureSpec
from sentinel_core.state import EntityLog, FeatureIs, LabelIs, LogLayout

Vector = tuple[float, ...]
"""Feature values as float64, in the order of the spec; NaN is missing."""

_THURSDAY = 3
"""Weekday of 1970-01-01, counted from Monday as 0."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of one track, and what is made of it.

    ``first_us`` and ``last_us`` are how far before the event it begins and ends. ``ops`` have the value
    of an empty window already, so they run only where something is in it; ``own_ops`` count the event
    itself and always run.
    """

    first_us: int
    last_us: int
    ops: tuple[tuple[int, Op], ...]
    own_ops: tuple[tuple[int, Op], ...]


@dataclass(frozen=True, slots=True)
class _EntityPlan:
    """How to read one entity's log.

    Attributes
    ----------
    tracks : index of each track that is read, and whether labels decide what is in it
    windows : of each of these tracks, widest first
    slots : the features that stay missing where an event has no such entity
    """

    kind: str
    tracks: tuple[tuple[int, bool], ...]
    windows: tuple[tuple[_Window, ...], ...]
    slots: tuple[int, ...]


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
        # What each feature is where its window is empty; row forms are always computed.
        self._empty = [empty_value(f) if f.entity else MISSING for f in spec.features]
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
        values = self._empty[:]
        for slot, row_op in self._row_ops:
            values[slot] = row_op(time_us, fields)
        for plan in self._plans:
            log = logs.get(plan.kind)
            if log is None:
                for slot in plan.slots:
                    values[slot] = MISSING
            else:
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
        log.track_at(index, time_us) if labelled else kept[index] for index, labelled in plan.tracks
    ]
    for track, windows in zip(tracks, plan.windows, strict=True):
        times = track.times
        # Most tracks of most entities are empty: no fraud, nothing unusual.
        count = len(times)
        present = count if count and times[-1] <= time_us else bisect_right(times, time_us)
        low = 0
        for window in windows:
            # Widest first, so that each search starts where the last ended. The widest windows often
            # hold all there is and the narrowest nothing, which a look at the ends settles.
            cutoff = time_us - window.first_us
            if low < present and times[low] <= cutoff:
                if times[present - 1] <= cutoff:
                    low = present
                else:
                    low = bisect_right(times, cutoff, low + 1, present)
            last_us = window.last_us
            high = bisect_right(times, time_us - last_us, low) if last_us else present
            if low < high:
                for slot, op in window.ops:
                    values[slot] = op(tracks, low, high, time_us, fields)
            for slot, op in window.own_ops:
                values[slot] = op(tracks, low, high, time_us, fields)


def _plan(kind: str, layout: LogLayout, spec: FeatureSpec, slots: dict[str, int]) -> _EntityPlan:
    features = [f for f in spec.features if f.entity == kind]
    keys = list(dict.fromkeys(key for f in features for key in track_keys(f, spec)))
    index_of = {(track.where, track.present): i for i, track in enumerate(layout.tracks)}
    ops: dict[TrackKey, dict[tuple[int, int], list[tuple[int, Feature, Op]]]] = {}
    for feature in features:
        places = [
            Place(keys.index(k), layout.tracks[index_of[k]]) for k in track_keys(feature, spec)
        ]
        op = build_op(feature, places, schema_of(spec.event_type))
        edges = (feature.delay_us + feature.window_us, feature.delay_us)
        of_track = ops.setdefault(track_keys(feature, spec)[0], {})
        of_track.setdefault(edges, []).append((slots[feature.name], feature, op))
    return _EntityPlan(
        kind,
        tuple((index_of[key], isinstance(key[0], LabelIs)) for key in keys),
        tuple(_windows(ops.get(key, {})) for key in keys),
        tuple(slots[f.name] for f in features),
    )


def _windows(ops: dict[tuple[int, int], list[tuple[int, Feature, Op]]]) -> tuple[_Window, ...]:
    return tuple(
        _Window(
            *edges,
            tuple((slot, op) for slot, feature, op in ops[edges] if not feature.include_self),
            tuple((slot, op) for slot, feature, op in ops[edges] if feature.include_self),
        )
        for edges in sorted(ops, reverse=True)
    )


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
