"""Lists from YAML, and from the plain JSON of a record."""

from __future__ import annotations

from typing import Any

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.events.schema import EventSchema
from sentinel_core.lists.entries import EntryReader, Faults, Where, check_field
from sentinel_core.lists.watchlist import DEFAULT_CAP, Entry, ListHeader, ListKind, WatchList
from sentinel_core.located import Located, locate
from sentinel_core.resources.faults import parse_block

_KINDS: dict[str, ListKind] = {"Block": "block", "Trust": "trust", "Watch": "watch"}
_ENTRIES = "entries"


def parse_list(document: Located, schema: EventSchema | None = None) -> WatchList:
    """Read a list that was written by hand.

    Parameters
    ----------
    document : Located
        A mapping with name, kind, field, cap (Trust only) and entries.
    schema : EventSchema, optional
        The type of event that the list is for; without it, field and values are checked only for
        what every type has in common.

    Raises
    ------
    InvalidDocumentError
        With every fault at its place. Retryable: no.
    """
    faults = Faults()
    header = _read_header(document, faults)
    field = _field_of(document)
    message = check_field(field, schema) if field else None
    if message:
        faults.add(str(document.at(["field"])), message, "list one of these")
    reader = EntryReader(field, schema, faults)
    for item in _items(document, faults):
        _read_item(item, reader, faults)
    faults.raise_if_any()
    assert header is not None  # else there was a fault
    return build_list(header, reader.entries)


def parse_plain(value: dict[str, Any]) -> WatchList:
    """Read back what `WatchList.plain` wrote, without the cost of places for a million entries.

    Parameters
    ----------
    value : dict
        Its digest is known to be that of a list, so that only the content is checked again and not
        the shape.

    Raises
    ------
    InvalidDocumentError
        This version no longer accepts what an earlier one did. Retryable: no.
    """
    faults = Faults()
    head = {k: v for k, v in value.items() if k != _ENTRIES}
    header = parse_block(locate(head, "the recorded list"), ListHeader)
    reader = EntryReader(header.field, None, faults)
    for index, entry in enumerate(value[_ENTRIES]):
        reader.read(entry, _record_place(index))
    faults.raise_if_any()
    return build_list(header, reader.entries)


def build_list(header: ListHeader, entries: dict[str, Entry]) -> WatchList:
    """Make the list of a header and its checked entries."""
    kind = _KINDS[header.kind]
    cap = header.cap
    if kind == "trust" and cap is None:
        cap = DEFAULT_CAP
    return WatchList(header.name, kind, header.field, entries, cap)


def _read_header(document: Located, faults: Faults) -> ListHeader | None:
    if not isinstance(document.value, dict):
        faults.add(str(document.position), "a list is a mapping", "write name, kind and field")
        return None
    keys = {k: v for k, v in document.keys.items() if k != _ENTRIES}
    head = {k: v for k, v in document.value.items() if k != _ENTRIES}
    try:
        return parse_block(Located(head, document.position, keys), ListHeader)
    except InvalidDocumentError as error:
        for fault in error.problems:
            faults.add(fault.location, fault.message, fault.hint)
        return None


def _field_of(document: Located) -> str:
    """Return the field as written, so that values are checked although the header has a fault."""
    node = document.value.get("field") if isinstance(document.value, dict) else None
    return node.value if node is not None and isinstance(node.value, str) else ""


def _items(document: Located, faults: Faults) -> list[Located]:
    entries = document.value.get(_ENTRIES) if isinstance(document.value, dict) else None
    if entries is not None and isinstance(entries.value, list):
        listed: list[Located] = entries.value
        return listed
    where = str(document.at([_ENTRIES]))
    faults.add(where, "a list has entries", "write entries: [{value: ...}, ...]")
    return []


def _read_item(item: Located, reader: EntryReader, faults: Faults) -> None:
    if not isinstance(item.value, dict):
        faults.add(str(item.position), "an entry is a mapping", "write {value: ..., reason: ...}")
        return
    where: Where = lambda key: str(item.at([key]))  # noqa: E731 - a place is made only for a fault
    reader.read({k: v.value for k, v in item.value.items()}, where)


def _record_place(index: int) -> Where:
    return lambda key: f"entries.{index}.{key}" if key else f"entries.{index}"
