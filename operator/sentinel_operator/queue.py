"""Which resource is reconciled next: keyed, so that ten changes of one resource are one round."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from sentinel_core.clock import Clock, SystemClock

Key = TypeVar("Key", bound=Hashable)

FIRST_BACKOFF_SECONDS = 0.1
"""Long enough for the watch event behind a conflict to arrive, which takes some milliseconds."""
LAST_BACKOFF_SECONDS = 60.0
"""A resource that fails for ever is tried once a minute, as the resync would anyway."""


PATIENT_ROUNDS = 5
"""Rounds in a row that may each change something, before they are taken for somebody else's undoing of
it and slowed down like failures. A resource is made in two or three."""


@dataclass(frozen=True, slots=True)
class Again:
    """What came of a round, and when the key wants another one although nothing of it changed.

    Attributes
    ----------
    outcome : ``settled`` wrote nothing. ``changed`` did, and the next round, at once, sees whether
        that was all. ``failed`` waits at least for the key's backoff, which doubles each time.
    after_seconds : from now; None means when something changes
    """

    outcome: Literal["settled", "changed", "failed"]
    after_seconds: float | None = None


class KeyedQueue(Generic[Key]):
    """Hands each key to one worker at a time.

    A key that is added while it is being worked on is worked on once more after that, so no change
    is lost and none is seen by two rounds at once. Waits are measured on the monotonic clock.

    Parameters
    ----------
    clock : for waits
    draw : a number in [0, 1) for the jitter of backoffs
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        # Jitter keeps clients apart; nobody gains by guessing it.
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock or SystemClock()
        self._draw = draw
        self._ready: dict[Key, float] = {}
        self._working: dict[Key, float] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._streaks: dict[Key, int] = {}
        self._count = itertools.count()
        self._changed = asyncio.Event()
        self._draining = False

    def add(self, key: Key) -> None:
        """Ask for a round now."""
        self._ready.setdefault(key, self._now())
        self._changed.set()

    def add_later(self, key: Key, after_seconds: float) -> None:
        """Ask for a round after a while; of several such wishes of a key the soonest counts."""
        due = self._now() + after_seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._later, (due, next(self._count), key))
            self._changed.set()

    def drain(self) -> None:
        """Begin no further round; those under way go on."""
        self._draining = True
        self._changed.set()

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    @property
    def oldest_seconds(self) -> float:
        """How long the key that waits longest has waited for a worker; 0 when none waits."""
        now = self._now()
        return now - min(self._ready.values(), default=now)

    @property
    def longest_round_seconds(self) -> float:
        """How long the longest round that is under way has lasted; 0 when there is none."""
        now = self._now()
        return now - min(self._working.values(), default=now)

    def _now(self) -> float:
        return self._clock.elapsed_ns() / 1e9

    async def work(self, handle: Callable[[Key], Awaitable[Again]], workers: int) -> None:
        """Run rounds, at most ``workers`` at once, until cancelled or, after `drain`, all are over.

        ``handle`` reports failures in its answer; what it raises ends the operator.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(handle))

    async def _work(self, handle: Callable[[Key], Awaitable[Again]]) -> None:
        while (key := await self._take()) is not None:
            try:
                again = await handle(key)
            finally:
                del self._working[key]
                # Whoever waits for this key, or for any, looks again.
                self._changed.set()
            self._put_back(key, again)

    def _put_back(self, key: Key, again: Again) -> None:
        if again.outcome == "settled":
            self._streaks.pop(key, None)
            if again.after_seconds is not None:
                self.add_later(key, again.after_seconds)
            return
        streak = self._streaks[key] = self._streaks.get(key, 0) + 1
        if again.outcome == "changed":
            slow = streak - PATIENT_ROUNDS
            self.add_later(key, backoff_seconds(slow, self._draw()) if slow > 0 else 0.0)
        else:
            wait = backoff_seconds(streak, self._draw())
            self.add_later(key, max(wait, again.after_seconds or 0.0))

    async def _take(self) -> Key | None:
        while not self._draining:
            self._changed.clear()
            self._move_due()
            for key in self._ready:
                if key not in self._working:
                    del self._ready[key]
                    self._working[key] = self._now()
                    return key
            await self._wait_for_change()
        return None

    def _move_due(self) -> None:
        while self._later and self._later[0][0] <= self._now():
            due, _, key = heapq.heappop(self._later)
            # An entry that was overtaken by a sooner one is passed over.
            if self._due.get(key) == due:
                del self._due[key]
                self._ready.setdefault(key, self._now())

    async def _wait_for_change(self) -> None:
        timeout = self._later[0][0] - self._now() if self._later else None
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return


def backoff_seconds(failures: int, draw: float) -> float:
    """Return the wait after a number of failures in a row.

    It doubles from `FIRST_BACKOFF_SECONDS` to `LAST_BACKOFF_SECONDS`; ``draw`` in [0, 1) spreads it
    over the upper half, so that many that failed together do not return together.

    Examples
    --------
    >>> [backoff_seconds(failures, 0.0) for failures in (1, 2, 3, 30)]
    [0.05, 0.1, 0.2, 30.0]
    """
    # More doublings than these say the same, and 1,024 of them are more than a float holds.
    full = min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 32), LAST_BACKOFF_SECONDS)
    return full * (0.5 + draw / 2)
