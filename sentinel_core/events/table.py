"""Events and labels as tables: Parquet, CSV or NDJSON files, one row per event.

Columns of events: ``id, type, occurred_at`` (UTC), one per entity kind, and payload fields under
their own names; of labels: ``event_id, label, known_at``. Rows stand in order of arrival. Every cell
is held to the same rules as an event over HTTP, checked by column, since files have millions of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from sentinel_core.clock import format_us
from sentinel_core.errors import InvalidTableError, Problem
from sentinel_core.events.currencies import MINOR_DIGITS
from sentinel_core.events.envelope import OLDEST_US, Event, parse_event
from sentinel_core.events.schema import PAYLOADS, EventSchema, Label, schema_of
from sentinel_core.events.transaction import FLOAT_NOISE

MAX_PROBLEMS = 20
"""Faults listed of one table; the message says how many there are in all."""

_VECTOR_COLUMN = re.compile(r"^V([1-9][0-9]?)$")
_LABELS = get_args(Label)


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


def read_table(path: Path) -> pa.Table:
    """Read a Parquet, CSV or NDJSON file by its ending.

    Raises
    ------
    InvalidTableError
        The file cannot be read as what its ending says. Retryable: no.
    """
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".csv":
            return pyarrow.csv.read_csv(path, convert_options=_csv_types(path))
        if path.suffix in (".ndjson", ".jsonl"):
            return pyarrow.json.read_json(path)
    except (pa.ArrowException, OSError) as error:
        message = f"{path.name} cannot be read: {str(error).splitlines()[0]}"
        raise _refusal(message, [Problem(path.name, "not readable", "check the file")]) from error
    hint = "use .parquet, .csv, .ndjson or .jsonl"
    raise _refusal(
        f"{path.name} has no known ending.", [Problem(path.name, "unknown ending", hint)]
    )


def parse_events(table: pa.Table) -> EventTable:
    """Validate a table of events.

    Raises
    ------
    InvalidTableError
        Naming columns and rows (counted from 1), the first 20 of them. Retryable: no.
    """
    checks = _Checks(table.num_rows)
    for name in ("id", "type", "occurred_at"):
        checks.require(name in table.column_names, f"column {name}", "is missing", "add it")
    checks.finish()
    types = pc.unique(table["type"]).to_pylist()
    known = len(types) == 1 and types[0] in PAYLOADS
    checks.require(known, "column type", f"holds {types[:5]}", f"one of {', '.join(PAYLOADS)}")
    checks.finish()
    schema = schema_of(types[0])
    ids = _texts(table["id"])
    times = _times(table["occurred_at"], "occurred_at", checks)
    columns = _columns(table, schema, checks)
    checks.ids("id", ids)
    checks.rows("occurred_at", times < OLDEST_US, "lies before the year 2000")
    _check_values(columns, schema, checks)
    checks.finish()
    first = _first_arrivals(ids, times, columns, checks)
    checks.finish()
    return EventTable(schema, ids, times, columns, first)


def parse_labels(table: pa.Table) -> LabelTable:
    """Validate a table of labels. Raises as `parse_events`."""
    checks = _Checks(table.num_rows)
    for name in ("event_id", "label", "known_at"):
        checks.require(name in table.column_names, f"column {name}", "is missing", "add it")
    checks.finish()
    labels = _texts(table["label"])
    wrong = np.array([label not in _LABELS for label in labels], dtype=bool)
    checks.rows("label", wrong, f"is not one of {', '.join(_LABELS)}")
    times = _times(table["known_at"], "known_at", checks)
    checks.finish()
    return LabelTable(_texts(table["event_id"]), labels, times.tolist())


class _Checks:
    """Gathers faults of a table and raises them together."""

    def __init__(self, rows: int) -> None:
        self.row_count = rows
        self.problems: list[Problem] = []
        self.found = 0

    def require(self, holds: bool, where: str, message: str, hint: str) -> None:  # noqa: FBT001
        if not holds:
            self.found += 1
            self.problems.append(Problem(where, message, hint))

    def rows(self, column: str, wrong: np.ndarray, message: str) -> None:
        bad = np.flatnonzero(wrong)
        self.found += len(bad)
        for row in bad[: MAX_PROBLEMS - len(self.problems)].tolist():
            self.problems.append(Problem(f"row {row + 1}, {column}", message, "correct this cell"))

    def ids(self, column: str, values: list[Any]) -> None:
        fits = re.compile(r"^[!-~]{1,128}$").match
        wrong = np.array([v is None or not fits(v) for v in values], dtype=bool)
        self.rows(column, wrong, "is empty, over 128 characters, or holds spaces")

    def finish(self) -> None:
        if self.problems:
            message = f"The table of {self.row_count} rows has {self.found} faults; the first are:"
            raise _refusal(message, self.problems)


def _csv_types(path: Path) -> pyarrow.csv.ConvertOptions:
    """Read ids and codes of a CSV as strings: 007 is a terminal, and NO a country."""
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().replace('"', "").split(",")
    text = {"id", "type", "event_id", "label", "currency"}
    for schema in map(schema_of, PAYLOADS):
        text |= {name for name, field in schema.fields.items() if field.type == "string"}
    types = {name: pa.string() for name in header if name in text}
    return pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)


def _texts(column: pa.ChunkedArray) -> list[Any]:
    texts: list[Any] = pc.cast(column, pa.string()).to_pylist()
    return texts


def _times(column: pa.ChunkedArray, name: str, checks: _Checks) -> np.ndarray:
    """Return microseconds since 1970 UTC; times without a zone are taken as UTC."""
    try:
        if pa.types.is_string(column.type):
            column = pc.cast(column, pa.timestamp("us", tz="UTC"))
        moments = pc.cast(column, pa.timestamp("us", tz=getattr(column.type, "tz", None)))
    except pa.ArrowException as error:
        hint = "write 2018-08-29T12:00:00Z; no finer than a microsecond"
        checks.require(False, f"column {name}", str(error).splitlines()[0], hint)
        return np.zeros(len(column), dtype=np.int64)
    checks.rows(name, pc.is_null(moments).to_numpy(), "is empty")
    times: np.ndarray = pc.fill_null(pc.cast(moments, pa.int64()), 0).to_numpy()
    return times


def _columns(table: pa.Table, schema: EventSchema, checks: _Checks) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    vector: dict[int, list[Any]] = {}
    for name in table.column_names:
        place = _VECTOR_COLUMN.match(name)
        if name in ("id", "type", "occurred_at"):
            continue
        if place and "vector" in schema.fields:
            vector[int(place[1])] = _numbers(table[name], name, checks)
        elif name not in schema.fields:
            hint = f"{schema.type} has {', '.join(schema.fields)}"
            checks.require(False, f"column {name}", "is not a field of the event", hint)
        elif schema.fields[name].type == "number":
            columns[name] = _numbers(table[name], name, checks)
        else:
            columns[name] = _texts(table[name])
    if vector:
        whole = list(vector) == list(range(1, len(vector) + 1))
        checks.require(whole, "columns V1, V2 ...", "are not in order", "give V1 to Vn")
        columns["vector"] = list(zip(*vector.values(), strict=True))
    return columns


def _numbers(column: pa.ChunkedArray, name: str, checks: _Checks) -> list[Any]:
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowException as error:
        checks.require(False, f"column {name}", str(error).splitlines()[0], "give numbers")
        return [None] * len(column)
    finite = pc.fill_null(pc.is_finite(values), True).to_numpy()
    checks.rows(name, ~finite, "is not a finite number")
    numbers: list[Any] = values.to_pylist()
    return numbers


def _check_values(columns: dict[str, list[Any]], schema: EventSchema, checks: _Checks) -> None:
    """Hold each distinct combination of cells to the payload class, the one place of its rules."""
    for name, field in schema.fields.items():
        values = columns.get(name)
        if field.required and values is None:
            checks.require(False, f"column {name}", "is missing", "add it")
        elif field.required and values is not None:
            checks.rows(name, np.array([v is None for v in values], dtype=bool), "is empty")
        if field.choices and values is not None:
            wrong = np.array([v is not None and v not in field.choices for v in values], dtype=bool)
            checks.rows(name, wrong, f"is not one of {', '.join(field.choices)}")
    for kind in schema.entity_kinds:
        if kind in columns:
            sized = [v is None or 1 <= len(v) <= 128 for v in columns[kind]]
            checks.rows(kind, ~np.array(sized, dtype=bool), "is empty or over 128 characters")
    if "amount" in columns and "currency" in columns:
        _check_money(columns, checks)


def _check_money(columns: dict[str, list[Any]], checks: _Checks) -> None:
    currencies = columns["currency"]
    amounts = np.array([np.nan if a is None else a for a in columns["amount"]])
    digits = np.array([MINOR_DIGITS.get(c, -1) for c in currencies])
    checks.rows("currency", digits < 0, "is not an active ISO 4217 code")
    checks.rows("amount", (amounts < 0) | (amounts >= 1e11), "is not within 0 and 10^11")
    for number in set(digits.tolist()) - {-1}:
        here = digits == number
        paid = np.array([round(a, number) for a in amounts[here].tolist()])
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
    ids: list[str], times: np.ndarray, columns: dict[str, list[Any]], checks: _Checks
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


def _refusal(message: str, problems: list[Problem]) -> InvalidTableError:
    return InvalidTableError(
        message, tuple(problems), user_action="Correct the file and try again."
    )
