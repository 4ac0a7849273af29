"""A set for each key, without the empty ones."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Member = TypeVar("Member", bound=Hashable)


class Sets(Generic[Key, Member]):
    """Which members each key has. A key without any takes no memory."""

    def __init__(self) -> None:
        self._members: dict[Key, set[Member]] = {}

    def add(self, key: Key, member: Member) -> None:
        """Add a member, if it is not there."""
        self._members.setdefault(key, set()).add(member)

    def remove(self, key: Key, member: Member) -> None:
        """Remove a member, if it is there."""
        members = self._members.get(key)
        if members is not None:
            members.discard(member)
            if not members:
                del self._members[key]

    def get(self, key: Key) -> Collection[Member]:
        """Return the members of a key."""
        return self._members.get(key, ())

    def values(self) -> Iterable[Collection[Member]]:
        """Return the members of every key."""
        return self._members.values()
