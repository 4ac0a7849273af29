"""Entity logs in this process: the state of a laptop, and of a test.

Nothing here survives the process; it is rebuilt at start from the backfilled history and the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sentinel_core.events import Fields, Label
from sentinel_core.state.layout import (
    LATENESS_US,
    Column,
    FeatureIs,
    FieldIs,
    LabelIs,
    LogLayout,
    TrackLayout,
    scaled,
)
from sentinel_core.state.log import EntityLog, LabelledEvent
from sentinel_core.state.track import Row

Selected = Callable[[FeatureIs], bool]
"""Tells whether the event at hand is selected by a feature value that it had on arrival."""


class MemoryState:
    """Every entity's log, by tenant, kind and id.

    One thread uses it: reading, computing and admitting an event happen in one go on the event loop,
    which is what makes the k-th arrival on a key see exactly k - 1 events.

    Parameters
    ----------
    layouts : mapping from entity kind to its layout
        The union of what the loaded releases need; kinds without a layout keep no logs.
    """

    def __init__(self, layouts: Mapping[str, LogLayout]) -> None:
        self.layouts = dict(layouts)
        self.logs: dict[tuple[str, str, str], EntityLog] = {}
        self._rows = {kind: _row_makers(layout) for kind, layout in layouts.items()}
        # To begin with no event is a fraud, so tracks of frauds take none.
        self._admitted = {
            kind: [
                (index, self._rows[kind][index])
                for index, track in enumerate(layout.tracks)
                if track.where != LabelIs("fraud")
            ]
            for kind, layout in layouts.items()
        }

    def logs_of(self, tenant: str, fields: Fields) -> dict[str, EntityLog]:
        """Return the log of each entity that an event touches, new ones included."""
        logs = {}
        for kind, layout in self.layouts.items():
            entity = fields.get(kind)
            if entity is not None:
                key = (tenant, kind, entity)
                log = self.logs.get(key)
                if log is None:
                    log = self.logs[key] = EntityLog(layout)
                logs[kind] = log
        return logs

    def admit(
        self, logs: Mapping[str, EntityLog], time_us: int, fields: Fields, selected: Selected
    ) -> None:
        """Add an event to the logs of its entities, after it was read for."""
        for kind, log in logs.items():
            rows = []
            for index, make in self._admitted[kind]:
                row = make(fields, selected)
                if row is not None:
                    rows.append((index, row))
            log.admit(time_us, rows)

    def label(  # noqa: PLR0913 - an event, and what became known about it when
        self,
        tenant: str,
        event_id: str,
        time_us: int,
        fields: Fields,
        *,
        known_at_us: int,
        order: int,
        label: Label,
    ) -> None:
        """Tell the logs of an event's entities what became known about it."""
        for kind, log in self.logs_of(tenant, fields).items():
            # Only label tracks read these rows, and those select by nothing but the label.
            rows = [make(fields, _not_selected) for make in self._rows[kind]]
            log.label(event_id, LabelledEvent(time_us, rows), known_at_us, order, label)


def is_late(logs: Mapping[str, EntityLog], time_us: int) -> bool:
    """Tell whether an event comes more than the lateness behind the newest of any of its entities."""
    return any(time_us < log.newest_us - LATENESS_US for log in logs.values())


def _not_selected(_where: FeatureIs) -> bool:
    return False


def _row_makers(layout: LogLayout) -> list[Callable[[Fields, Selected], Row | None]]:
    return [_row_maker(track) for track in layout.tracks]


def _row_maker(track: TrackLayout) -> Callable[[Fields, Selected], Row | None]:
    """Bind a track to a function from an event to its row; None where it is not selected."""
    where, present = track.where, track.present
    make = _values_maker(track.columns)
    if where is None and present is None:
        return lambda fields, _selected: make(fields)
    if isinstance(where, FeatureIs) and present is None:
        return lambda fields, selected: make(fields) if selected(where) else None

    def make_selected(fields: Fields, selected: Selected) -> Row | None:
        if present is not None and present not in fields:
            return None
        if isinstance(where, FieldIs) and not where.holds(fields):
            return None
        if isinstance(where, FeatureIs) and not selected(where):
            return None
        return make(fields)

    return make_selected


def _values_maker(columns: tuple[Column, ...]) -> Callable[[Fields], Row]:
    """Bind columns to a function from an event to its values, quick for the usual few columns."""
    values = [_value_maker(column) for column in columns]
    if not values:
        return lambda _fields: ()
    if len(values) == 1:
        only = values[0]
        return lambda fields: (only(fields),)
    return lambda fields: tuple([value(fields) for value in values])


def _value_maker(column: Column) -> Callable[[Fields], Any]:
    name, scale = column.field, column.scale
    if column.kind == "square":
        return lambda fields: scaled(fields[name], scale) ** 2
    if column.kind in ("sum", "number"):
        return lambda fields: scaled(fields[name], scale)
    if column.kind == "place":
        return lambda fields: (fields["lat"], fields["lon"])
    return lambda fields: fields[name]
