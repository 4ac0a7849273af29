"""One selection of an entity's events in order of event time, ready to be asked for windows.

Times stand in one sorted array; ties stand in order of arrival. Totals are kept as running sums, so a
window is two binary searches and one subtraction, whatever its length. Arrays of 64-bit integers
take 8 bytes a value; a total that outgrows them moves to Python's unbounded integers, so nothing is
ever cut.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from sentinel_core.state.layout import TrackLayout

Row = tuple[Any, ...]
"""The values of one event, one per column of the track (running totals take the single value)."""

_EMPTY: dict[str, Any] = {"sum": ("q", [0]), "square": ("q", [0]), "number": ("q", [])}
_TRIM_AT_LEAST = 64
"""Fewer dead events than this are left in place: moving the rest would cost more than they do."""


class Track:
    """The events of one track of one entity.

    Attributes
    ----------
    times : (n,) int64, sorted
        Event times in microseconds.
    columns : one sequence per column
        (n + 1,) running totals for ``sum`` and ``square``, starting anywhere; (n,) values else.
    """

    __slots__ = ("_totals", "columns", "layout", "times")

    def __init__(self, layout: TrackLayout) -> None:
        self.layout = layout
        self.times: array[int] = array("q")
        self.columns: list[Any] = [_empty(column.kind) for column in layout.columns]
        self._totals = [column.kind in ("sum", "square") for column in layout.columns]

    def insert(self, time_us: int, row: Row) -> None:
        """Put an event behind all that are not later than it."""
        times = self.times
        if not times or times[-1] <= time_us:
            times.append(time_us)
            if row:
                self._append(row)
        else:
            position = bisect_right(times, time_us)
            times.insert(position, time_us)
            self._insert(position, row)

    def remove(self, time_us: int, row: Row) -> None:
        """Take out one event with this time and these values; it must be there."""
        first, last = bisect_left(self.times, time_us), bisect_right(self.times, time_us)
        position = next(i for i in range(first, last) if self._row(i) == row)
        del self.times[position]
        for index, is_total in enumerate(self._totals):
            values = self.columns[index]
            if is_total:
                self.columns[index] = _shift(values, position + 1, -row[index])
                del self.columns[index][position]
            else:
                del values[position]

    def trim(self, before_us: int) -> None:
        """Forget events not later than a time, when they are a quarter of the track or more."""
        times = self.times
        if not times or times[0] > before_us:
            return
        dead = bisect_right(times, before_us)
        if dead < _TRIM_AT_LEAST or dead * 4 < len(times):
            return
        del times[:dead]
        for values in self.columns:
            del values[:dead]

    def copy(self) -> Track:
        """Return an independent track with the same events."""
        twin = Track(self.layout)
        twin.times = self.times[:]
        twin.columns = [values[:] for values in self.columns]
        return twin

    def load(self, times: array[int], columns: Sequence[Any]) -> None:
        """Fill an empty track from sorted times and columns in their stored form."""
        self.times = times
        self.columns = list(columns)

    def _row(self, i: int) -> Row:
        return tuple(
            values[i + 1] - values[i] if is_total else values[i]
            for is_total, values in zip(self._totals, self.columns, strict=True)
        )

    def _append(self, row: Row) -> None:
        columns = self.columns
        for index, is_total in enumerate(self._totals):
            values = columns[index]
            value = row[index] + values[-1] if is_total else row[index]
            try:
                values.append(value)
            except OverflowError:
                columns[index] = [*values, value]

    def _insert(self, position: int, row: Row) -> None:
        for index, is_total in enumerate(self._totals):
            values = self.columns[index]
            if is_total:
                # The totals up to here stay; a new one follows, and all later ones grow.
                later = _shift(values, position + 1, row[index])
                self.columns[index] = _inserted(later, position + 1, values[position] + row[index])
            else:
                self.columns[index] = _inserted(values, position, row[index])


def _empty(kind: str) -> Any:
    if kind in _EMPTY:
        code, start = _EMPTY[kind]
        return array(code, start)
    return []


def _shift(totals: Any, start: int, by: int) -> Any:
    """Add to every running total from a position on."""
    try:
        for i in range(start, len(totals)):
            totals[i] += by
    except OverflowError:
        # Entries before i have grown already; redo the rest on unbounded integers.
        grown = list(totals)
        for j in range(i, len(grown)):
            grown[j] += by
        return grown
    return totals


def _inserted(values: Any, position: int, value: Any) -> Any:
    try:
        values.insert(position, value)
    except OverflowError:
        values = list(values)
        values.insert(position, value)
    return values
