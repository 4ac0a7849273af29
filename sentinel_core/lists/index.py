"""All lists of a pipeline, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel_core.errors import ReleaseError
from sentinel_core.lists.watchlist import Entry, WatchList, normalise


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that lists a value of an event."""

    list: WatchList
    entry: Entry


class ListIndex:
    """The lists of one release, by name.

    Raises
    ------
    ReleaseError
        Two lists have one name (``ListNameTaken``). Retryable: no.
    """

    def __init__(self, lists: Iterable[WatchList] = ()) -> None:
        self._lists: dict[str, WatchList] = {}
        for watch_list in sorted(lists, key=lambda one: one.name):
            if watch_list.name in self._lists:
                raise ReleaseError(
                    "ListNameTaken",
                    f"Two lists are called {watch_list.name}.",
                    user_action="Rename one of them, also where rules read it.",
                )
            self._lists[watch_list.name] = watch_list

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the lists, sorted."""
        return tuple(self._lists)

    def find(self, list_name: str, value: object, at_us: int) -> Entry | None:
        """Return the entry that lists a value, or None.

        Parameters
        ----------
        value : object
            Anything other than a text is on no list.
        at_us : int
            When the event was received, in microseconds since 1970-01-01 UTC. Expired entries do
            not count; the time is the recorded one, so that a replay finds the same.

        Raises
        ------
        KeyError
            There is no such list. Rules are checked against `names` when they are parsed; a list
            that is missing must not look like a value that is not listed.
        """
        watch_list = self._lists[list_name]
        if not isinstance(value, str):
            return None
        key = normalise(watch_list.field, value)
        entry = watch_list.entries.get(key) if key is not None else None
        return entry if entry is not None and entry.counts(at_us) else None

    def matches(self, fields: Mapping[str, Any], at_us: int) -> tuple[Match, ...]:
        """Return the entries that list an event's own fields, by name of the list.

        Parameters are those of `find`; ``fields`` is the event seen flat.
        """
        found = []
        for name, watch_list in self._lists.items():
            entry = self.find(name, fields.get(watch_list.field), at_us)
            if entry is not None:
                found.append(Match(watch_list, entry))
        return tuple(found)
