"""What each aggregate makes of a window.

A window reaches an aggregate as two positions in a track. Totals are exact integers, and each
value is one correctly rounded division or square root of them, so the same events give the same bits
whatever order they came in.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sentinel_core.clock import SECOND_US
from sentinel_core.events import Fields
from sentinel_core.events.schema import EventSchema
from sentinel_core.features.spec import ZERO_WHEN_EMPTY, Feature
from sentinel_core.state import wide
from sentinel_core.state.layout import FieldIs, LabelIs, TrackLayout, scaled
from sentinel_core.state.track import Track

MISSING = math.nan
EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

Op = Callable[[Sequence[Track], int, int, int, Fields], float]
"""From the entity's tracks, the two ends of the window, the event's time and fields to one value."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an aggregate finds its track among those that are read together."""

    track: int
    layout: TrackLayout

    def column(self, kind: str, field: str) -> int:
        """Return which column of the track holds a value of a field."""
        return next(
            i for i, c in enumerate(self.layout.columns) if c.kind == kind and c.field == field
        )


def build_op(feature: Feature, places: Sequence[Place], schema: EventSchema) -> Op:
    """Bind one aggregate to the tracks it reads."""
    if feature.form == "rate":
        return _rate(feature, places[1].track)
    scale = schema.fields[feature.field].scale if feature.field else 1
    return _BUILDERS[feature.form](feature, places[0], scale)


def empty_value(feature: Feature) -> float:
    """Return what a feature is where nothing is in its window."""
    if feature.empty is not None:
        return feature.empty
    return 0.0 if feature.form in ZERO_WHEN_EMPTY else MISSING


def _own(feature: Feature) -> Callable[[Fields], bool]:
    """Tell whether the event itself is in its window; it is unlabelled, so it is not a fraud."""
    where, field = feature.where, feature.field
    if not feature.include_self or where == LabelIs("fraud"):
        return lambda _fields: False
    if isinstance(where, FieldIs):
        return lambda fields: where.holds(fields) and (field is None or field in fields)
    return lambda fields: field is None or field in fields


def _count(feature: Feature, _place: Place, _scale: int) -> Op:
    if not feature.include_self:
        return lambda _tracks, low, high, _time_us, _fields: float(high - low)
    own, empty = _own(feature), empty_value(feature)

    def op(_tracks: Sequence[Track], low: int, high: int, _time_us: int, fields: Fields) -> float:
        count = high - low + own(fields)
        return float(count) if count else empty

    return op


def _total(feature: Feature, place: Place, scale: int) -> Op:
    """Build sum and mean, which differ only in what the total is divided by."""
    field = str(feature.field)
    index, own, empty = place.column("sum", field), _own(feature), empty_value(feature)
    track = place.track
    with_self, is_mean = feature.include_self, feature.form == "mean"

    def op(tracks: Sequence[Track], low: int, high: int, _time_us: int, fields: Fields) -> float:
        totals = tracks[track].columns[index]
        count, total = high - low, totals[high] - totals[low]
        if with_self and own(fields):
            count += 1
            total += scaled(fields[field], scale)
        if not count:
            return empty
        return float(total / (count * scale if is_mean else scale))

    return op


def _spread(feature: Feature, place: Place, scale: int) -> Op:
    """Build stddev (population) and zscore, from count, total and total of squares."""
    field = str(feature.field)
    totals_at, squares_at = place.column("sum", field), place.column("square", field)
    own, empty, is_zscore = _own(feature), empty_value(feature), feature.form == "zscore"
    track = place.track

    def op(tracks: Sequence[Track], low: int, high: int, _time_us: int, fields: Fields) -> float:
        columns = tracks[track].columns
        totals, squares = columns[totals_at], columns[squares_at]
        count, total = high - low, totals[high] - totals[low]
        square = squares[high] - squares[low]
        if own(fields):
            value = scaled(fields[field], scale)
            count, total, square = count + 1, total + value, square + value * value
        if not count:
            return empty
        spread = math.sqrt(count * square - total * total)  # count times stddev, exact inside
        if not is_zscore:
            return spread / (count * scale)
        if count < 2 or spread == 0 or field not in fields:
            return MISSING
        return float(scaled(fields[field], scale) * count - total) / spread

    return op


def _extreme(feature: Feature, place: Place, scale: int) -> Op:
    field = str(feature.field)
    index, own, empty = place.column("number", field), _own(feature), empty_value(feature)
    track = place.track
    smallest = feature.form == "min"
    pick: Callable[..., int] = min if smallest else max

    def op(tracks: Sequence[Track], low: int, high: int, _time_us: int, fields: Fields) -> float:
        values = tracks[track].columns[index]
        if high - low < wide.WIDE_EVENTS:
            values = values[low:high]
        else:
            blocks = tracks[track].extremes(index)
            values = [blocks.find(values, low, high, smallest=smallest)]
        if own(fields):
            values.append(scaled(fields[field], scale))
        return pick(values) / scale if values else empty

    return op


def _distinct(feature: Feature, place: Place, _scale: int) -> Op:
    field = str(feature.field)
    index, own, empty = place.column("text", field), _own(feature), empty_value(feature)
    track, window = place.track, (feature.window_us, feature.delay_us)

    def op(tracks: Sequence[Track], low: int, high: int, _time_us: int, fields: Fields) -> float:
        column = tracks[track].columns[index]
        values: Collection[str]
        if high - low < wide.WIDE_EVENTS:
            values = set(column[low:high])
        else:
            values = tracks[track].distinct(index, window).values(column, low, high)
        count = len(values) + (own(fields) and fields[field] not in values)
        return float(count) if count else empty

    return op


def _rate(feature: Feature, frauds_at: int) -> Op:
    own, empty = _own(feature), empty_value(feature)
    first_us, last_us = feature.delay_us + feature.window_us, feature.delay_us

    def op(tracks: Sequence[Track], low: int, high: int, time_us: int, fields: Fields) -> float:
        count = high - low + own(fields)
        frauds = tracks[frauds_at].times
        if not count:
            return empty
        if not frauds:
            return 0.0
        first = bisect_right(frauds, time_us - first_us)
        return (bisect_right(frauds, time_us - last_us, first) - first) / count

    return op


def _since(feature: Feature, place: Place, _scale: int) -> Op:
    from_first = feature.form == "since_first"
    track = place.track

    def op(tracks: Sequence[Track], low: int, high: int, time_us: int, _fields: Fields) -> float:
        return (time_us - tracks[track].times[low if from_first else high - 1]) / SECOND_US

    return op


def _geo_speed(feature: Feature, place: Place, _scale: int) -> Op:
    index = place.column("place", str(feature.field))
    track = place.track

    def op(tracks: Sequence[Track], _low: int, high: int, time_us: int, fields: Fields) -> float:
        if "lat" not in fields:
            return MISSING
        distance_km = _haversine_km(
            tracks[track].columns[index][high - 1], (fields["lat"], fields["lon"])
        )
        # Two places in the same second would be an infinite speed; a second is the least elapsed.
        elapsed_us = max(time_us - tracks[track].times[high - 1], SECOND_US)
        return distance_km * 3600 * SECOND_US / elapsed_us

    return op


def _haversine_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    chord = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


_BUILDERS: dict[str, Callable[[Feature, Place, int], Op]] = {
    "count": _count,
    "sum": _total,
    "mean": _total,
    "stddev": _spread,
    "zscore": _spread,
    "min": _extreme,
    "max": _extreme,
    "distinct": _distinct,
    "since_first": _since,
    "since_last": _since,
    "geo_speed": _geo_speed,
}
