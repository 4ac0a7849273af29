"""One write between its caller, who has a deadline, and the writer thread, which has a disk."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from sentinel_core.errors import StoreUnavailableError

if TYPE_CHECKING:
    import threading

    from sqlalchemy import Insert

    from sentinel_core.clock import Clock

Row = tuple["Insert", dict[str, Any]]
"""A statement and its values. Rows of a group that share the statement object are sent together."""
Settled = Callable[[Exception | None], object]
"""Told once how a write ended: None when it is on the disk, else why nothing was written."""

RETRY = "Send it again with the same id: what was recorded is found, what was not is recorded."


class _Stage(enum.Enum):
    QUEUED = enum.auto()
    DROPPED = enum.auto()
    WRITING = enum.auto()
    SETTLED = enum.auto()


class Pending:
    """A write on its way: ``await pending`` on an event loop, or ``pending.result()`` elsewhere.

    Until its commit begins a write belongs to its caller: at the deadline it is dropped, and never
    written. Once its commit has begun it belongs to the writer: at the deadline the caller is
    answered with the same `StoreUnavailableError`, since what is not known to be recorded is not
    given, but the row may still be written a moment later. So the answer and the end are two things:
    ``await`` is the answer, `on_settled` tells the end. Whoever keeps a table of what is in flight
    keeps the entry until the end, and a retry in between finds the decision and not a second one.

    Parameters
    ----------
    rows : sequence of Row
        Written all or none.
    deadline_ns : int or None
        On the clock's ``elapsed_ns``; None waits for as long as it takes.
    lock : threading.Lock
        The writer's, which guards the stage of all its pending writes.
    """

    __slots__ = ("_clock", "_deadline_ns", "_error", "_listeners", "_lock", "_stage", "rows")

    def __init__(
        self, rows: Sequence[Row], deadline_ns: int | None, clock: Clock, lock: threading.Lock
    ) -> None:
        self.rows = rows
        self._deadline_ns = deadline_ns
        self._clock = clock
        self._lock = lock
        self._stage = _Stage.QUEUED
        self._error: Exception | None = None
        self._listeners: list[tuple[asyncio.AbstractEventLoop | None, Settled]] = []

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the rows are on the disk, or the deadline.

        Raises
        ------
        StoreUnavailableError
            Nothing was written, or it is not known in time. Retryable: yes.
        ConflictError
            A row with the same key is there already. Retryable: no.
        """
        return self.answer().__await__()

    async def answer(self, deadline_ns: int | None = None) -> None:
        """Wait as ``await`` does, and no longer than a caller has who did not hand over the write.

        At that caller's deadline the write is left to whom it belongs, and goes on.

        Parameters
        ----------
        deadline_ns : int or None
            The caller's, on the clock's ``elapsed_ns``; None has no other than the write's own.
        """
        if self._stage is _Stage.SETTLED:
            if self._error is not None:
                raise self._error
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        self._listen(loop, partial(_resolve, answer))
        until_ns, pass_deadline = self._deadline_ns, self._pass_deadline
        if deadline_ns is not None and (until_ns is None or deadline_ns < until_ns):
            until_ns, pass_deadline = deadline_ns, _give_up
        if until_ns is None:
            return await answer
        left_seconds = max(0, until_ns - self._clock.elapsed_ns()) / 1e9
        timer = loop.call_later(left_seconds, pass_deadline, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    def result(self) -> None:
        """Block until the write has ended; for callers without an event loop. Raises as ``await``."""
        done: Future[Exception | None] = Future()
        self._listen(None, done.set_result)
        error = done.result()
        if error is not None:
            raise error

    def on_settled(self, callback: Settled) -> None:
        """Have the running event loop call ``callback`` once, when the write has ended."""
        self._listen(asyncio.get_running_loop(), callback)

    def begin_writing(self, now_ns: int) -> bool:
        """Claim the write for a commit; False when it was dropped. Called under the writer's lock."""
        if self._stage is not _Stage.QUEUED:
            return False
        if self._deadline_ns is not None and now_ns >= self._deadline_ns:
            self._stage = _Stage.DROPPED
            return False
        self._stage = _Stage.WRITING
        return True

    def _pass_deadline(self, answer: asyncio.Future[None]) -> None:
        with self._lock:
            if self._stage is _Stage.QUEUED:
                self._stage = _Stage.DROPPED
        if self._stage is _Stage.DROPPED:
            settle_all([(self, dropped())], self._lock)
        else:
            _give_up(answer)

    def _listen(self, loop: asyncio.AbstractEventLoop | None, callback: Settled) -> None:
        with self._lock:
            if self._stage is not _Stage.SETTLED:
                self._listeners.append((loop, callback))
                return
        callback(self._error)

    def _end(
        self, error: Exception | None
    ) -> list[tuple[asyncio.AbstractEventLoop | None, Settled]]:
        """Take the last step and hand over the listeners. Called under the writer's lock."""
        if self._stage is _Stage.SETTLED:
            return []
        self._error = error
        self._stage = _Stage.SETTLED  # last: `answer` reads it without the lock
        return self._listeners


Bundle = list[Pending]
"""Writes that are handed to the writer in one step, and so share a commit."""


def dropped() -> StoreUnavailableError:
    """Build the error of a write whose deadline passed before its commit began."""
    return StoreUnavailableError(
        "The record could not be written before the deadline.", user_action=RETRY
    )


def _give_up(answer: asyncio.Future[None]) -> None:
    """Answer a caller whose deadline has come before the end of the write."""
    text = "The record was still being written at the deadline."
    _resolve(answer, StoreUnavailableError(text, user_action=RETRY))


def settle_all(ends: Iterable[tuple[Pending, Exception | None]], lock: threading.Lock) -> None:
    """End several writes, waking each event loop once.

    Waking a loop writes to a socket and lets go of the interpreter lock; once a group rather than
    once an item, the writer is back at its queue sooner.
    """
    calls: dict[asyncio.AbstractEventLoop | None, list[tuple[Settled, Exception | None]]] = {}
    with lock:
        for pending, error in ends:
            for loop, callback in pending._end(error):  # noqa: SLF001 - one module, one protocol
                calls.setdefault(loop, []).append((callback, error))
    for loop, told in calls.items():
        if loop is None:
            for callback, error in told:
                callback(error)
        elif not loop.is_closed():  # a closed loop has nobody left to tell; the row is kept
            loop.call_soon_threadsafe(_tell, loop, told)


def _tell(loop: asyncio.AbstractEventLoop, told: list[tuple[Settled, Exception | None]]) -> None:
    for callback, error in told:
        loop.call_soon(callback, error)  # each by itself: one that raises does not silence others


def _resolve(answer: asyncio.Future[None], error: Exception | None) -> None:
    if answer.done():  # given up at the deadline, or its task was cancelled
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
