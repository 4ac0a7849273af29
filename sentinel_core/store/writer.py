"""The one thread that writes, and its group commit.

Durable commits cost a wait for the disk each, so writes that wait together share one. A group is
whatever was waiting when the commit before it ended, at most `MAX_GROUP`; a lone write is not kept
waiting for company, since the next group fills by itself while a commit waits for the disk. Holding
each group open for 2 ms instead was measured, one run after the other on two cores and a disk that
takes 0.25 ms: 337 durable writes a second in place of 1,704 from one caller, 3,236 of 10,232 from 16,
8,887 of 14,795 from 64. With the cores saturated the two could not be told apart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from sentinel_core.errors import ConflictError, StoreUnavailableError
from sentinel_core.store.pending import RETRY, Bundle, Pending, Row, dropped, settle_all

if TYPE_CHECKING:
    from sqlalchemy import Engine, Insert

    from sentinel_core.clock import Clock

MAX_GROUP = 256
"""Writes after which a commit takes no more, so that the first does not wait for the thousandth."""
MAX_QUEUED = 16 * MAX_GROUP
"""Writes waiting at most. More than a database that has fallen behind clears within a deadline: a
refusal at once serves a caller better than one after it."""


class Writer:
    """Writes rows in groups on the one connection that writes.

    Parameters
    ----------
    engine : Engine
        From `sentinel_core.store.sqlite.build_write_engine`; nobody else may use it meanwhile.
    clock : Clock
        That the deadlines of `submit` are read on.
    on_commit : callable
        Told the number of writes of each group that was committed, on the writer's thread; it must
        not raise.
    """

    def __init__(self, engine: Engine, clock: Clock, on_commit: Callable[[int], object]) -> None:
        self._engine = engine
        self._clock = clock
        self._on_commit = on_commit
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Bundle | None] = SimpleQueue()
        self._waiting = 0
        self._closed = False
        # A daemon: a process that must end does not wait for a disk that does not answer.
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        rows: Sequence[Row],
        *,
        deadline_ns: int | None = None,
        bundle: Bundle | None = None,
    ) -> Pending:
        """Hand over rows that are written all or none, in the order of these calls.

        Parameters
        ----------
        rows : sequence of Row
        deadline_ns : int or None
            On the clock's ``elapsed_ns``. See `Pending` for what happens at it.
        bundle : Bundle or None
            Where the write is kept instead until its owner calls `hand_over`.

        Raises
        ------
        StoreUnavailableError
            The queue is full, or the writer is closed. Retryable: yes.
        """
        pending = Pending(rows, deadline_ns, self._clock, self._lock)
        with self._lock:
            self.refuse_when_full()
            self._waiting += 1
            if bundle is None:
                self._queue.put([pending])
            else:
                bundle.append(pending)
        return pending

    def hand_over(self, bundle: Bundle) -> None:
        """Put writes that were kept together in the queue, in one step.

        Handed over one by one, each would wake the thread, which would commit it alone before the
        next is there: a commit takes the processor for 250 us, and 64 writes in one for 22 us each.
        """
        with self._lock:
            closed = self._closed
            if bundle and not closed:
                self._queue.put(bundle)
        if closed:
            settle_all([(pending, _closed()) for pending in bundle], self._lock)

    def refuse_when_full(self) -> None:
        """Raise what `submit` would, before a caller does work that it could not record."""
        if self._closed:
            raise _closed()
        if self._waiting >= MAX_QUEUED:
            raise StoreUnavailableError(
                f"{MAX_QUEUED} writes wait for the record's disk.", user_action=RETRY
            )

    def close(self) -> None:
        """Write what is waiting, then stop; returns when the last commit has ended."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            now_ns = self._clock.elapsed_ns()
            claimed: list[Pending] = []
            late: list[Pending] = []
            with self._lock:
                self._waiting -= len(group)
                for pending in group:
                    (claimed if pending.begin_writing(now_ns) else late).append(pending)
            settle_all([(p, dropped()) for p in late], self._lock)
            if claimed:
                self._write_group(claimed)

    def _next_group(self) -> tuple[list[Pending], bool]:
        """Wait for a first write, then take what is there; the flag is set at the end of the queue."""
        group: list[Pending] = []
        bundle = self._queue.get()
        while bundle is not None:
            group += bundle
            if len(group) >= MAX_GROUP:
                return group, False
            try:
                bundle = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _write_group(self, group: list[Pending]) -> None:
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - told to the callers; the thread must go on
            if len(group) > 1 and not _is_outage(error):
                # The fault is one row's own. The others have done nothing to fail for.
                for pending in group:
                    self._write_group([pending])
                return
            settle_all([(p, _explain(error)) for p in group], self._lock)
        else:
            settle_all([(p, None) for p in group], self._lock)
            self._on_commit(len(group))

    def _commit(self, group: list[Pending]) -> None:
        statements: dict[Insert, list[dict[str, Any]]] = {}
        for pending in group:
            for statement, values in pending.rows:
                statements.setdefault(statement, []).append(values)
        with self._engine.begin() as connection:
            for statement, values_of_all in statements.items():
                connection.execute(statement, values_of_all)


def _closed() -> StoreUnavailableError:
    return StoreUnavailableError("The record is closed.", user_action=RETRY)


def _is_outage(error: Exception) -> bool:
    """Tell a fault of the database from one of the rows."""
    return isinstance(error, DBAPIError) and not isinstance(error, (IntegrityError, DataError))


def _explain(error: Exception) -> Exception:
    told: Exception
    if _is_outage(error):
        told = StoreUnavailableError(
            f"The record refused a commit: {_cause(error)}.", user_action=RETRY
        )
    elif isinstance(error, IntegrityError):
        told = ConflictError(
            f"The record holds another row with this key: {_cause(error)}.",
            user_action="Read what is recorded under this id.",
        )
    else:
        return error
    told.__cause__ = error
    return told


def _cause(error: Exception) -> object:
    return error.orig if isinstance(error, DBAPIError) else error
