"""Lists from CSV, for those too long to write by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from sentinel_core.errors import TooLargeError
from sentinel_core.events.schema import EventSchema
from sentinel_core.lists.entries import KEYS, MAX_ENTRIES, EntryReader, Faults, Where, check_field
from sentinel_core.lists.parse import build_list
from sentinel_core.lists.watchlist import ListHeader, WatchList

REQUIRED = ("value", "reason", "author")
_HEADER_LINE = 1

Row = tuple[int, list[str]]
"""A row with the number of the line that it ends on."""


def parse_csv(
    text: str, path: str, header: ListHeader, schema: EventSchema | None = None
) -> WatchList:
    """Read a list whose entries are the rows of a CSV text (RFC 4180).

    Parameters
    ----------
    text : str
        First row ``value,reason,author,expires`` in any order; ``expires`` may be left out, or
        empty in a row. A byte order mark in front is skipped.
    path : str
        Name of the text in problems, which stand at ``path:line:column`` of their row.
    header : ListHeader
        Name, kind, field and cap, which a table of entries does not say.
    schema : EventSchema, optional
        As for `parse_list`.

    Raises
    ------
    InvalidDocumentError
        With every fault at its line. Retryable: no.
    TooLargeError
        There are more than `MAX_ENTRIES` rows. Retryable: no.
    """
    faults = Faults()
    message = check_field(header.field, schema)
    if message:
        faults.add(f"{path}:{_HEADER_LINE}:1", message, "list one of these")
    reader = EntryReader(header.field, schema, faults)
    rows = _rows(text, path, faults)
    columns = _columns(next(rows, (_HEADER_LINE, [])), path, faults)
    if columns:
        for count, row in enumerate(rows, start=1):
            if count > MAX_ENTRIES:
                raise TooLargeError(
                    f"{path} has more than {MAX_ENTRIES} rows.", user_action="Split the list."
                )
            _read_row(row, columns, path, reader, faults)
    faults.raise_if_any()
    return build_list(header, reader.entries)


def _rows(text: str, path: str, faults: Faults) -> Iterator[Row]:
    """Yield the rows that are not blank; text that is no CSV ends them with a fault."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        location = f"{path}:{reader.line_num}:1"
        faults.add(location, f"not CSV: {error}", "check quotes and commas")


def _columns(row: Row, path: str, faults: Faults) -> list[str]:
    line, cells = row
    before = faults.count
    for name in REQUIRED:
        if name not in cells:
            hint = f"begin with the line {','.join(KEYS)}"
            faults.add(f"{path}:{line}:1", f"there is no column {name}", hint)
    for index, name in enumerate(cells):
        if name not in KEYS or name in cells[:index]:
            message = f"column {index + 1} is called {name!r}"
            faults.add(f"{path}:{line}:1", message, f"use each of {', '.join(KEYS)} once")
    return cells if faults.count == before else []


def _read_row(row: Row, columns: list[str], path: str, reader: EntryReader, faults: Faults) -> None:
    line, cells = row
    if len(cells) != len(columns):
        message = f"the row has {len(cells)} cells, the header has {len(columns)}"
        faults.add(f"{path}:{line}:1", message, "quote cells that hold commas")
        return
    where: Where = lambda _: f"{path}:{line}:1"  # noqa: E731 - a place is made only for a fault
    reader.read({k: c or None for k, c in zip(columns, cells, strict=True)}, where)
