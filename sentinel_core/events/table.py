"""Events and labels as tables: Parquet, CSV or NDJSON files, one row per event.

Columns of events: ``id, type, occurred_at`` (UTC), one per entity kind, and payload fields under
their own names; of labels: ``event_id, label, known_at``. Rows stand in order of arrival. Every cell
is held to the same rules as an event over HTTP, checked by column, since files have millions of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, get_args

import numpy as np
import pyarrow as pa

from sentinel_core.clock import format_us, to_us
from sentinel_core.events.columns import Checks, numbers, texts, times_us
from sentinel_core.events.currencies import MINOR_DIGITS
from sentinel_core.events.envelope import (
    OLDEST_US,
    EntityId,
    Event,
    EventId,
    entity_fault,
    parse_event,
)
from sentinel_core.events.schema import PAYLOADS, EventSchema, Label, schema_of
from sentinel_core.events.transaction import FLOAT_NOISE, MAX_AMOUNT

NEWEST_US = to_us(datetime.max.replace(tzinfo=UTC))
"""Last microsecond of the year 9999, the last year that RFC 3339 can write."""

_VECTOR_COLUMN = re.compile(r"^V([1-9][0-9]?)$")
_LABELS = get_args(Label)
_LABEL_COLUMNS = ("event_id", "label", "known_at")


@dataclass(frozen=True, slots=True)
class EventTable:
    """Validated events of one type, by column.

    Attributes
    ----------
    ids : (n,) str
    occurred_at_us : (n,) int64
    columns : for each field that any event has, (n,) values; None where an event lacks it
    first : (n,) int64 or None
        Row of the first arrival of each row's id; None where every id is there once.
    """

    schema: EventSchema
    ids: list[str]
    occurred_at_us: np.ndarray
    columns: dict[str, list[Any]]
    first: np.ndarray | None

    def __len__(self) -> int:
        return len(self.ids)

    def events(self, tenant: str, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """Yield events as if each had come when it occurred."""
        kinds = self.schema.entity_kinds
        times = self.occurred_at_us[start:stop].tolist()
        parts = [(n, values[start:stop]) for n, values in self.columns.items()]
        for i, (event_id, time_us) in enumerate(zip(self.ids[start:stop], times, strict=True)):
            present = {n: values[i] for n, values in parts if values[i] is not None}
            body = {
                "id": event_id,
                "type": self.schema.type,
                "occurred_at": format_us(time_us),
                "entities": {k: present.pop(k) for k in kinds if k in present},
                "payload": present,
            }
            yield parse_event(body, tenant=tenant, received_at_us=time_us)


@dataclass(frozen=True, slots=True)
class LabelTable:
    """What became known about events: (n,) event ids, labels and times in microseconds."""

    event_ids: list[str]
    labels: list[Label]
    known_at_us: list[int]


def parse_events(table: pa.Table) -> EventTable:
    """Validate a table of events.

    Raises
    ------
    InvalidTableError
        Naming columns and rows (counted from 1), the first 20 of them. Retryable: no.
    """
    checks = Checks(table.num_rows)
    checks.columns(table, ("id", "type", "occurred_at"))
    checks.require(table.num_rows > 0, "the table", "has no rows", "give at least one event")
    checks.finish()
    types = list(dict.fromkeys(texts(table, "type", checks)))
    known = len(types) == 1 and types[0] in PAYLOADS
    hint = f"one file holds events of one type: {' or '.join(PAYLOADS)}"
    checks.require(known, "column type", f"holds {', '.join(map(str, types[:5]))}", hint)
    checks.finish()
    schema = schema_of(types[0])
    ids = texts(table, "id", checks)
    checks.cells("id", ids, EventId)
    times = times_us(table, "occurred_at", checks)
    checks.rows("occurred_at", times < OLDEST_US, "lies before the year 2000")
    checks.rows("occurred_at", times > NEWEST_US, "lies after the year 9999")
    columns = _columns(table, schema, checks)
    checks.finish()
    _check_values(columns, schema, checks)
    checks.finish()
    first = _first_arrivals(ids, times, columns, checks)
    checks.finish()
    return EventTable(schema, ids, times, columns, first)


def parse_labels(table: pa.Table) -> LabelTable:
    """Validate a table of labels. Raises as `parse_events`."""
    checks = Checks(table.num_rows)
    checks.columns(table, _LABEL_COLUMNS)
    checks.finish()
    event_ids = texts(table, "event_id", checks)
    checks.cells("event_id", event_ids, EventId)
    labels = texts(table, "label", checks)
    wrong = np.array([label not in _LABELS for label in labels], dtype=bool)
    checks.rows("label", wrong, f"is not one of {', '.join(_LABELS)}")
    times = times_us(table, "known_at", checks)
    checks.finish()
    return LabelTable(event_ids, labels, times.tolist())


def _columns(table: pa.Table, schema: EventSchema, checks: Checks) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    vector: dict[int, list[Any]] = {}
    for name in table.column_names:
        place = _VECTOR_COLUMN.match(name)
        if name in ("id", "type", "occurred_at"):
            continue
        if place and "vector" in schema.fields:
            vector[int(place[1])] = numbers(table, name, checks)
        elif name not in schema.fields:
            hint = f"a {schema.type} has {', '.join(schema.fields)}"
            checks.require(False, f"column {name}", "is not a field of the event", hint)
        elif schema.fields[name].type == "numbers":
            checks.require(False, f"column {name}", "stands in one column", "give V1 to Vn")
        elif schema.fields[name].type == "number":
            columns[name] = numbers(table, name, checks)
        else:
            columns[name] = texts(table, name, checks)
    for field in schema.fields.values():
        if field.required and field.name not in columns:
            checks.require(False, f"column {field.name}", "is missing", "add it")
    if vector:
        columns["vector"] = _vectors(vector, checks)
    return columns


def _vectors(parts: dict[int, list[Any]], checks: Checks) -> list[Any]:
    """Join V1 to Vn; a row with none of them has no vector, one with some of them is at fault."""
    whole = list(parts) == list(range(1, len(parts) + 1))
    checks.require(whole, "columns V1, V2 ...", "are not in order", "give V1 to Vn")
    rows = list(zip(*parts.values(), strict=True))
    absent = np.array([all(v is None for v in row) for row in rows], dtype=bool)
    for number, values in parts.items():
        gaps = np.array([v is None for v in values], dtype=bool) & ~absent
        checks.rows(f"V{number}", gaps, "is empty where others of the row are not")
    return [None if gone else row for gone, row in zip(absent.tolist(), rows, strict=True)]


def _check_values(columns: dict[str, list[Any]], schema: EventSchema, checks: Checks) -> None:
    """Hold each cell to the payload class and the envelope, the places of its rules."""
    for name, info in PAYLOADS[schema.type].model_fields.items():
        if name in columns and name != "amount":
            rule = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
            checks.cells(name, columns[name], rule)
    for kind in schema.entity_kinds:
        if kind in columns:
            checks.cells(kind, columns[kind], EntityId | None)
            faults = {e: entity_fault(kind, e) for e in set(columns[kind]) if e is not None}
            for fault in sorted(set(filter(None, faults.values()))):
                checks.rows(kind, np.array([faults.get(e) == fault for e in columns[kind]]), fault)
    if "lat" in columns or "lon" in columns:
        none = [None] * checks.row_count
        both = zip(columns.get("lat", none), columns.get("lon", none), strict=True)
        half = np.array([(lat is None) != (lon is None) for lat, lon in both], dtype=bool)
        checks.rows("lat", half, "and lon come together or not at all")
    if "amount" in columns:
        _check_money(columns, checks)


def _check_money(columns: dict[str, list[Any]], checks: Checks) -> None:
    currencies = columns["currency"]
    amounts = np.array([np.nan if a is None else a for a in columns["amount"]], dtype=np.float64)
    digits = np.array([MINOR_DIGITS.get(c, -1) for c in currencies])
    empty = np.array([a is None for a in columns["amount"]], dtype=bool)
    checks.rows("amount", empty, "is empty")
    checks.rows("amount", (amounts < 0) | (amounts >= MAX_AMOUNT), "is not within 0 and 10^11")
    for number in set(digits.tolist()) - {-1}:
        here = digits == number
        paid = np.array([round(a, number) + 0.0 for a in amounts[here].tolist()])
        off = np.abs(amounts[here] - paid) > FLOAT_NOISE * np.maximum(1.0, paid)
        checks.rows("amount", _spread(off, here), f"has more than {number} decimals")
        amounts[here] = paid
    columns["amount"] = amounts.tolist()


def _spread(part: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Put flags of some rows back among all rows."""
    whole = np.zeros(len(here), dtype=bool)
    whole[here] = part
    return whole


def _first_arrivals(
    ids: list[str], times: np.ndarray, columns: dict[str, list[Any]], checks: Checks
) -> np.ndarray | None:
    if len(set(ids)) == len(ids):
        return None
    seen: dict[str, int] = {}
    first = np.array([seen.setdefault(event_id, row) for row, event_id in enumerate(ids)])
    differs = times != times[first]
    for values in columns.values():
        differs |= np.array([values[i] != values[j] for i, j in enumerate(first.tolist())])
    checks.rows("id", differs, "came before with another body")
    return first
