"""Backfilled history: one content-addressed file of events and labels that came before the record.

A file in order of arrival is loaded by column: sorting by entity and slicing running totals fills
the logs of a million events in seconds, where feeding them one by one would take a minute. The logs
come out as if each event had been observed.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentinel_core.errors import InvalidTableError, Problem
from sentinel_core.events.labels import FILE_ORDER, Told, labels_by_row
from sentinel_core.events.table import EventTable, LabelTable
from sentinel_core.ids import digest_bytes
from sentinel_core.state import Column, EntityLog, FeatureIs, FieldIs, LabelIs, MemoryState
from sentinel_core.state.layout import LATENESS_US, LogLayout, TrackLayout

_ROW_GROUP = 65_536
"""Rows read together when one event of the history is looked up."""
_INT64_MAX = float(2**63 - 1)


def write_history(
    folder: Path,
    events: EventTable,
    labels: LabelTable | None,
    selections: Mapping[FeatureIs, np.ndarray],
    *,
    until_us: int,
) -> Path:
    """Write the events before a time, with the labels known by then, as ``<sha256>.parquet``.

    Parameters
    ----------
    selections : mapping from selection to (n,) bool
        Whether each event is selected by a feature value: a log cannot tell afterwards what a value
        was on arrival.
    until_us : int
        Events and labels from this time on are left out.

    A repeated id is one event: its later rows are left out too.

    Returns
    -------
    Path
        Of the file. Written under another name and renamed, so a file with its name is whole.

    Raises
    ------
    InvalidTableError
        A label names an event that the table does not have. Retryable: no.
    """
    known = labels_by_row(events, labels)
    arrived = np.arange(len(events)) if events.first is None else events.first
    is_first = arrived == np.arange(len(events))
    kept = np.flatnonzero((events.occurred_at_us < until_us) & is_first)
    columns: dict[str, Any] = {
        "id": [events.ids[i] for i in kept.tolist()],
        "occurred_at": pa.array(events.occurred_at_us[kept], pa.int64()).cast(
            pa.timestamp("us", tz="UTC")
        ),
    }
    for name, values in events.columns.items():
        columns[name] = [values[i] for i in kept.tolist()]
    for where, holds in selections.items():
        columns[where.column] = holds[kept]
    columns["labels"] = pa.array(
        [_entries(known.get(row, []), until_us) for row in kept.tolist()],
        pa.list_(pa.struct([("label", pa.string()), ("known_at_us", pa.int64())])),
    )
    table = pa.table(columns).replace_schema_metadata({"sentinel.type": events.schema.type})
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "history.partial"
    pq.write_table(table, partial, row_group_size=_ROW_GROUP)
    path = folder / f"{digest_bytes(partial.read_bytes()).removeprefix('sha256:')}.parquet"
    return partial.rename(path)


def _entries(known: list[Told], until_us: int) -> list[dict[str, Any]]:
    return [
        {"label": told.label, "known_at_us": told.known_at_us}
        for told in known
        if told.known_at_us < until_us
    ]


@dataclass(frozen=True, slots=True)
class HistoricEvent:
    """An event of the history: what feedback about it needs."""

    time_us: int
    fields: dict[str, Any]


class History:
    """A history file, opened for loading and for looking up single events.

    Parameters
    ----------
    path : Path
        From `write_history`.

    Raises
    ------
    InvalidTableError
        The file is not one, or its name is not its digest. Retryable: no.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = _read_whole(path)
        self.digest = digest_bytes(data)
        self._file = pq.ParquetFile(pa.BufferReader(data))
        self.event_type = (
            (self._file.schema_arrow.metadata or {}).get(b"sentinel.type", b"").decode()
        )
        self._columns = set(self._file.schema_arrow.names)
        self.row_count = self._file.metadata.num_rows
        hashes = _hashes(self._file.read(["id"])["id"])
        self._row_by_hash = np.argsort(hashes)
        self._hashes = hashes[self._row_by_hash]

    def find(self, event_id: str) -> HistoricEvent | None:
        """Look up an event by its id; None where the history has none."""
        wanted = _hash(event_id)
        first = int(self._hashes.searchsorted(wanted))
        if first == self.row_count or self._hashes[first] != wanted:
            return None  # the usual case, met once an event
        last = int(self._hashes.searchsorted(wanted, "right"))
        for row in self._row_by_hash[first:last].tolist():
            group, offset = divmod(row, _ROW_GROUP)
            cells = self._file.read_row_group(group).slice(offset, 1).to_pylist()[0]
            if cells.pop("id") == event_id:
                time_us = round(cells.pop("occurred_at").timestamp() * 1e6)
                fields = {k: v for k, v in cells.items() if v is not None and k != "labels"}
                return HistoricEvent(time_us, fields)
        return None

    def load_into(self, state: MemoryState, tenant: str) -> None:
        """Fill an empty state's logs with the events of the history, then with its labels.

        Raises
        ------
        InvalidTableError
            A spec selects by a feature value that the file was not written with. Retryable: no.
        """
        for kind, layout in state.layouts.items():
            if kind in self._columns:
                for entity, log in self._logs(kind, layout):
                    state.logs[tenant, kind, entity] = log
        self._load_labels(state, tenant)

    def _load_labels(self, state: MemoryState, tenant: str) -> None:
        order = FILE_ORDER
        for batch in self._file.iter_batches(_ROW_GROUP):
            labelled = batch.filter(pc.greater(pc.list_value_length(batch["labels"]), 0))
            for cells in labelled.to_pylist():
                event_id, moment, told = (cells.pop(n) for n in ("id", "occurred_at", "labels"))
                fields = {k: v for k, v in cells.items() if v is not None}
                for entry in told:
                    order += 1
                    state.label(
                        tenant, event_id, round(moment.timestamp() * 1e6), fields,
                        known_at_us=entry["known_at_us"], order=order, label=entry["label"],
                    )  # fmt: skip

    def _logs(self, kind: str, layout: LogLayout) -> Iterator[tuple[str, EntityLog]]:
        """Yield the log of each entity of a kind."""
        entities = pc.dictionary_encode(self._column(kind)).combine_chunks()
        codes = pc.fill_null(entities.indices, -1).to_numpy(zero_copy_only=False)
        times = pc.cast(self._column("occurred_at"), pa.int64()).to_numpy()
        newest = np.full(len(entities.dictionary), np.iinfo(np.int64).min)
        np.maximum.at(newest, codes[codes >= 0], times[codes >= 0])
        reached = times > newest[codes] - layout.retention_us - LATENESS_US
        rows = np.flatnonzero((codes >= 0) & reached)
        # A stable sort keeps ties in order of arrival.
        rows = rows[np.lexsort((times[rows], codes[rows]))]
        logs = [EntityLog(layout) for _ in range(len(newest))]
        for index, track in enumerate(layout.tracks):
            self._fill(logs, index, track, rows, codes, times)
        for entity, log, newest_us in zip(
            entities.dictionary.to_pylist(), logs, newest.tolist(), strict=True
        ):
            log.newest_us = newest_us
            yield entity, log

    def _fill(  # noqa: PLR0913, PLR0917 - one pass over prepared columns
        self,
        logs: list[EntityLog],
        index: int,
        track: TrackLayout,
        rows: np.ndarray,
        codes: np.ndarray,
        times: np.ndarray,
    ) -> None:
        """Slice one track of every log out of columns that are sorted by entity and time."""
        if track.where == LabelIs("fraud"):
            return  # filled by the labels
        chosen = rows[self._selected(track, rows)]
        if not len(chosen):
            return  # perhaps the file does not even have the columns
        edges = np.searchsorted(codes[chosen], np.arange(len(logs) + 1))
        sorted_times = times[chosen]
        columns = [self._stored(column, chosen) for column in track.columns]
        totals = [column.kind in ("sum", "square") for column in track.columns]
        for code, log in enumerate(logs):
            low, high = int(edges[code]), int(edges[code + 1])
            parts = [
                _slice(values, low, high + 1 if total else high)
                for values, total in zip(columns, totals, strict=True)
            ]
            log.tracks[index].load(_slice(sorted_times, low, high), parts)

    def _selected(self, track: TrackLayout, rows: np.ndarray) -> np.ndarray:
        keep = np.ones(len(rows), dtype=bool)
        if track.present is not None:
            keep &= self._present(track.present)[rows]
        if isinstance(track.where, FieldIs):
            where = track.where
            values = self._column(where.field).to_pylist() if where.field in self._columns else []
            holds = np.array(
                [where.holds({where.field: v}) if v is not None else False for v in values]
            )
            keep &= holds[rows] if len(values) else False
        if isinstance(track.where, FeatureIs):
            keep &= self._selection(track.where)[rows]
        return keep

    def _present(self, field: str) -> np.ndarray:
        if field not in self._columns:
            return np.zeros(self.row_count, dtype=bool)
        valid: np.ndarray = pc.is_valid(self._column(field)).to_numpy()
        return valid

    def _selection(self, where: FeatureIs) -> np.ndarray:
        if where.column not in self._columns:
            message = f"The history {self.path.name} was written without {where.feature}'s values."
            place = Problem(where.column, "is not in the file", "the spec has changed since")
            action = "Write it again with this spec: sentinel backfill EVENTS --spec SPEC."
            raise InvalidTableError(message, (place,), user_action=action)
        holds: np.ndarray = self._column(where.column).to_numpy()
        return holds

    def _stored(self, column: Column, rows: np.ndarray) -> Any:
        """Return a column in its stored form, for rows sorted by entity."""
        if column.kind == "text":
            texts = self._column(column.field).to_pylist()
            return [texts[i] for i in rows.tolist()]
        if column.kind == "place":
            lat, lon = (self._column(n).to_pylist() for n in ("lat", "lon"))
            return [(lat[i], lon[i]) for i in rows.tolist()]
        numbers = np.rint(self._column(column.field).to_numpy()[rows] * column.scale)
        if column.kind == "number":
            return numbers.astype(np.int64)
        if column.kind == "square":
            return _running(numbers, squared=True)
        return _running(numbers, squared=False)

    def _column(self, name: str) -> pa.ChunkedArray:
        return self._file.read([name])[name]


def _running(numbers: np.ndarray, *, squared: bool) -> Any:
    """Return (n + 1,) running totals of integers; Python's own where 64 bits might not hold them."""
    bound = float(np.sum(np.square(numbers) if squared else np.abs(numbers)))
    if bound < _INT64_MAX / 2:
        integers = numbers.astype(np.int64)
        return np.concatenate([[0], np.cumsum(integers * integers if squared else integers)])
    totals = [0]
    for value in numbers.tolist():
        totals.append(totals[-1] + int(value) ** (2 if squared else 1))
    return totals


def _slice(values: Any, low: int, high: int) -> Any:
    if isinstance(values, list):
        return values[low:high]
    part = array("q")
    part.frombytes(values[low:high].tobytes())
    return part


def _read_whole(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        pq.ParquetFile(pa.BufferReader(data))
    except (OSError, pa.ArrowException) as error:
        problem = Problem(path.name, str(error).splitlines()[0], "write it with sentinel backfill")
        message = f"The history {path.name} cannot be read."
        raise InvalidTableError(message, (problem,), user_action="Write it again.") from error
    if path.stem != digest_bytes(data).removeprefix("sha256:"):
        problem = Problem(path.name, "its name is not the digest of its content", "copy it again")
        message = f"The history {path.name} was changed after it was written."
        raise InvalidTableError(message, (problem,), user_action="Write it again.")
    return data


def _hash(event_id: str) -> np.uint64:
    return np.uint64(
        int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "big")
    )


def _hashes(ids: pa.ChunkedArray) -> np.ndarray:
    """Return (n,) uint64, 8 bytes for each id where the ids themselves would take a hundred."""
    digest = hashlib.blake2b
    joined = b"".join(digest(i.encode(), digest_size=8).digest() for i in ids.to_pylist())
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)
