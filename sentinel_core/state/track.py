"""One selection of an entity's events in order of event time, ready to be asked for windows.

Times stand in one sorted array; ties stand in order of arrival. Totals are kept as running sums, so a
window is two binary searches and one subtraction, whatever its length. Arrays of 64-bit integers
take 8 bytes a value; a total that outgrows them moves to Python's unbounded integers, so nothing is
ever cut.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

from sentinel_core.state.layout import TrackLayout
from sentinel_core.state.wide import Distinct, Extremes, Summary

Row = tuple[Any, ...]
"""The values of one event, one per column of the track (running totals take the single value)."""

Kept = TypeVar("Kept", Extremes, Distinct)

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

    __slots__ = ("_summaries", "_totals", "columns", "layout", "times")

    def __init__(self, layout: TrackLayout) -> None:
        self.layout = layout
        self.times: array[int] = array("q")
        self.columns: list[Any] = [_empty(column.kind) for column in layout.columns]
        self._totals = [column.kind in ("sum", "square") for column in layout.columns]
        self._summaries: dict[tuple[int, Hashable], Summary] | None = None

    def extremes(self, column: int) -> Extremes:
        """Return the summary for minimum and maximum of a column of numbers."""
        return self._summary(Extremes, column, "extremes")

    def distinct(self, column: int, window: Hashable) -> Distinct:
        """Return the summary for the distinct count of a column over one window."""
        return self._summary(Distinct, column, window)

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
            for (column, _), summary in self._kept_summaries():
                summary.inserted(position, row[column])

    def remove(self, time_us: int, row: Row) -> None:
        """Take out one event with this time and these values; it must be there."""
        first, last = bisect_left(self.times, time_us), bisect_right(self.times, time_us)
        position = next(i for i in range(first, last) if self._row(i) == row)
        del self.times[position]
        for (column, _), summary in self._kept_summaries():
            summary.removed(position, row[column])
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
        for _, summary in self._kept_summaries():
            summary.trimmed(dead)

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

    def _summary(self, kind: type[Kept], column: int, name: Hashable) -> Kept:
        if self._summaries is None:
            self._summaries = {}
        summary = self._summaries.get((column, name))
        if summary is None:
            summary = self._summaries[column, name] = kind()
        assert isinstance(summary, kind)
        return summary

    def _kept_summaries(self) -> Iterable[tuple[tuple[int, Hashable], Summary]]:
        return self._summaries.items() if self._summaries else ()

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
    grown = [total + by for total in totals[start:]]
    try:
        totals[start:] = array("q", grown) if isinstance(totals, array) else grown
    except OverflowError:
        return [*totals[:start], *grown]
    return totals


def _inserted(values: Any, position: int, value: Any) -> Any:
    try:
        values.insert(position, value)
    except OverflowError:
        values = list(values)
        values.insert(position, value)
    return values
