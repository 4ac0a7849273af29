"""Reading the record.

A lookup by id takes 5 to 30 us on SQLite, found or not, and never waits for the writer, so it is
called from the event loop as it is; iterators go page by page and belong in a thread. Pages are cut
by key, not by offset, so the thousandth costs what the first does.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sentinel_core.decision import Decision, decode
from sentinel_core.errors import StoreUnavailableError
from sentinel_core.store.rows import Backfill, Status, StoredEvent, StoredLabel
from sentinel_core.store.sqlite import Lookup
from sentinel_core.store.tables import (
    backfills,
    blobs,
    decisions,
    events,
    labels,
    releases,
    statuses,
)

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Column, Engine, Select, Table

PAGE_ROWS = 1000
"""Rows fetched at once, some 2 MB of decisions. Pages of 100 and of 10,000 rows took 6 to 14 % more
processor time over 21,000 rows."""

_TENANT: BindParameter[str] = bindparam("tenant")
_KEY: BindParameter[str] = bindparam("key")
_AFTER: BindParameter[int] = bindparam("after")


def _by_tenant(wanted: Column[Any] | Table, tenant: Column[str], key: Column[str]) -> Select[Any]:
    return select(wanted).where(tenant == _TENANT, key == _KEY)


_DECISION_OF_EVENT = _by_tenant(decisions.c.record, decisions.c.tenant, decisions.c.event_id)
_DECISION = _by_tenant(decisions.c.record, decisions.c.tenant, decisions.c.id)
_EVENT = _by_tenant(events, events.c.tenant, events.c.id)
_STATUSES = (
    select(*(c for c in statuses.c if c is not statuses.c.number))
    .where(statuses.c.tenant == _TENANT, statuses.c.event_id == _KEY)
    .order_by(statuses.c.number)
)
_RELEASE = select(releases.c.document).where(releases.c.digest == _KEY)
_BLOB = select(blobs.c.data).where(blobs.c.digest == _KEY)
_COUNT = select(func.count()).select_from(decisions)
_BACKFILLS = select(backfills).order_by(backfills.c.first_seq)
_LAST_SEQS = select(
    select(func.max(events.c.seq)).scalar_subquery(),
    select(func.max(labels.c.seq)).scalar_subquery(),
    select(func.max(backfills.c.last_seq)).scalar_subquery(),
)


def _page(table: Table, *wanted: Column[Any]) -> Select[Any]:
    columns = wanted or tuple(table.c)
    return select(*columns).where(table.c.seq > _AFTER).order_by(table.c.seq).limit(PAGE_ROWS)


_EVENT_PAGE, _LABEL_PAGE = _page(events), _page(labels)
_DECISION_PAGE = _page(decisions, decisions.c.seq, decisions.c.record)


class Reader:
    """What is recorded, as of the last commit before each call.

    Every method raises `StoreUnavailableError` (retryable) when the database cannot be read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._decision_of_event = Lookup(engine, _DECISION_OF_EVENT)

    def find_decision(self, tenant: str, event_id: str) -> Decision | None:
        """Return the decision of an event, None where the id is not known: the usual case.

        From one thread: every event asks this, on a connection that is kept for it.
        """
        with unavailable_on_fault():
            record = self._decision_of_event.find(tenant, event_id)
        return decode(record) if record is not None else None

    def find_decision_by_id(self, tenant: str, decision_id: str) -> Decision | None:
        """Return a decision by its own id, None where this tenant has none of that name."""
        return self._decision(_DECISION, tenant, decision_id)

    def find_event(self, tenant: str, event_id: str) -> StoredEvent | None:
        """Return an accepted event, None where this tenant has none of that id."""
        rows = self._fetch(_EVENT, tenant=tenant, key=event_id)
        return StoredEvent(*rows[0]) if rows else None

    def statuses_of(self, tenant: str, event_id: str) -> tuple[Status, ...]:
        """Return what people said about the decision of an event, in the order it came."""
        rows = self._fetch(_STATUSES, tenant=tenant, key=event_id)
        return tuple(Status(*row) for row in rows)

    def decision_count(self) -> int:
        """Return how many decisions of all tenants are recorded."""
        return int(self._fetch(_COUNT)[0][0])

    def find_release(self, digest: str) -> bytes | None:
        """Return the document of a release, None where none of that digest is kept."""
        return self._content(_RELEASE, digest)

    def find_blob(self, digest: str) -> bytes | None:
        """Return content by its digest, None where it is not kept."""
        return self._content(_BLOB, digest)

    def backfills(self) -> tuple[Backfill, ...]:
        """Return the registered files of history of all tenants, in the order of their rows."""
        return tuple(Backfill(*row) for row in self._fetch(_BACKFILLS))

    def last_seq(self) -> int:
        """Return the last place taken in the order of arrival, 0 where nothing has arrived.

        Counts events, labels and backfilled rows. Failed commits leave gaps, which are not reused.
        """
        return max(seq or 0 for seq in self._fetch(_LAST_SEQS)[0])

    def arrivals(self, *, after_seq: int = 0) -> Iterator[StoredEvent | StoredLabel]:
        """Iterate events and labels of all tenants in the order they arrived.

        Complete while nothing is written, as at a start. Beside a writer it may miss rows whose
        commit comes after a later one's: a retried event keeps the ``seq`` of its first attempt.
        """
        return heapq.merge(
            (StoredEvent(*row) for row in self._pages(_EVENT_PAGE, after_seq)),
            (StoredLabel(*row) for row in self._pages(_LABEL_PAGE, after_seq)),
            key=attrgetter("seq"),
        )

    def decisions(self, *, after_seq: int = 0) -> Iterator[Decision]:
        """Iterate the decisions of all tenants in the order their events arrived.

        Raises
        ------
        InvalidDocumentError
            A record is damaged. Retryable: no.
        """
        return (decode(row.record) for row in self._pages(_DECISION_PAGE, after_seq))

    def close(self) -> None:
        """Give back files and connections."""
        self._decision_of_event.close()
        self._engine.dispose()

    def _decision(self, query: Select[Any], tenant: str, key: str) -> Decision | None:
        rows = self._fetch(query, tenant=tenant, key=key)
        return decode(rows[0].record) if rows else None

    def _content(self, query: Select[Any], digest: str) -> bytes | None:
        rows = self._fetch(query, key=digest)
        return bytes(rows[0][0]) if rows else None

    def _pages(self, query: Select[Any], after_seq: int) -> Iterator[Any]:
        rows = self._fetch(query, after=after_seq)
        while rows:
            yield from rows
            rows = self._fetch(query, after=rows[-1].seq)

    def _fetch(self, query: Select[Any], **values: object) -> list[Any]:
        with unavailable_on_fault(), self._engine.connect() as connection:
            return list(connection.execute(query, values).all())


@contextmanager
def unavailable_on_fault() -> Iterator[None]:
    """Turn a fault of the database into `StoreUnavailableError`."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailableError(
            f"The record cannot be read: {cause}.",
            user_action="Try again; if it stays so, look at the disk and the database.",
        ) from error
