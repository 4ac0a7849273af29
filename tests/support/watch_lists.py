"""Small lists for tests."""

from __future__ import annotations

from sentinel_core.lists import Entry, WatchList
from sentinel_core.lists.watchlist import ListKind


def build_list(
    name: str, kind: ListKind, field: str, *entries: Entry | str, cap: float | None = None
) -> WatchList:
    """A list of entries; a bare value is one that never expires."""
    whole = [Entry(e, None, "ana", "chargeback") if isinstance(e, str) else e for e in entries]
    return WatchList(name, kind, field, {entry.value: entry for entry in whole}, cap)
