"""The record of decisions: written by one process, read by any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, insert, select

from sentinel_core.clock import Clock, SystemClock
from sentinel_core.decision import Decision, encode
from sentinel_core.errors import ConfigurationError
from sentinel_core.ids import digest_bytes
from sentinel_core.store import migrate
from sentinel_core.store.lock import WriteLock
from sentinel_core.store.reader import Reader, unavailable_on_fault
from sentinel_core.store.sqlite import build_read_engine, build_write_engine
from sentinel_core.store.tables import (
    backfills,
    blobs,
    decisions,
    events,
    labels,
    releases,
    statuses,
)
from sentinel_core.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine, Insert, Table

    from sentinel_core.events import Event
    from sentinel_core.store.pending import Bundle, Pending, Row
    from sentinel_core.store.rows import Backfill, Status, StoredLabel

_SCHEME = "sqlite:///"


def _insert_absent(table: Table) -> Insert:
    """Build an insert of content that does nothing where its digest is kept already."""
    values = select(*[bindparam(c.name, type_=c.type) for c in table.c])
    absent = ~exists().where(table.c.digest == bindparam("digest"))
    return insert(table).from_select([c.name for c in table.c], values.where(absent))


_EVENT, _DECISION = insert(events), insert(decisions)
_LABEL, _STATUS = insert(labels), insert(statuses)
_BACKFILL = insert(backfills)
_RELEASE, _BLOB = _insert_absent(releases), _insert_absent(blobs)


class Store(Reader):
    """One record, open for reading and, unless opened read-only, for writing.

    Each writing method hands its rows to the writer thread and returns a `Pending` at once: await it
    on an event loop, or call its ``result()``. Writes are durable in the order in which they are
    handed over. They take ``deadline_ns`` on the clock's ``elapsed_ns``, and raise
    `StoreUnavailableError` (retryable) at once when too many writes wait, `ConfigurationError` when
    the record was opened read-only.
    """

    def __init__(
        self, engine: Engine, writer: Writer | None, on_close: Callable[[], object]
    ) -> None:
        super().__init__(engine)
        self._writer = writer
        self._on_close = on_close

    @classmethod
    def open(
        cls,
        location: Path | str,
        *,
        read_only: bool = False,
        clock: Clock | None = None,
        on_commit: Callable[[int], object] = lambda _size: None,
    ) -> Store:
        """Open a record; for writing, make it where there is none and bring its tables up to date.

        Parameters
        ----------
        location : Path or str
            A file, or ``sqlite:///`` and a file.
        read_only : bool
            Take no lock and change nothing; another process may be writing.
        clock : Clock or None
            That deadlines are read on; the system's unless given.
        on_commit : callable
            Told the number of writes in each commit, on the writer's thread; it must not raise.

        Raises
        ------
        StoreLockedError
            Another process writes this record. Retryable: once that process has ended.
        ConfigurationError
            No such record, or one of another version's form. Retryable: no.
        StoreUnavailableError
            The file cannot be read or is no database. Retryable: yes, once that is mended.
        """
        path = _path_of(location)
        if read_only:
            return cls._open_read_only(path)
        lock = WriteLock(path.with_name(f"{path.name}.lock"))
        write_engine = build_write_engine(path)
        try:
            with unavailable_on_fault():
                migrate.upgrade(write_engine)
        except Exception:
            write_engine.dispose()
            lock.release()
            raise
        writer = Writer(write_engine, clock or SystemClock(), on_commit)

        def close() -> None:
            writer.close()
            write_engine.dispose()
            lock.release()

        return cls(build_read_engine(path), writer, close)

    @classmethod
    def _open_read_only(cls, path: Path) -> Store:
        if not path.is_file():
            raise ConfigurationError(
                f"There is no record at {path}.", user_action="Name the file of a record."
            )
        engine = build_read_engine(path)
        with unavailable_on_fault():
            revision = migrate.current(engine)
        if revision != migrate.newest():
            engine.dispose()
            raise ConfigurationError(
                f"The record {path} has the form {revision}; this version reads {migrate.newest()}.",
                user_action="Start the service of this version on it once, which brings it up to date.",
            )
        return cls(engine, None, lambda: None)

    def record(
        self,
        decision: Decision,
        event: Event,
        *,
        deadline_ns: int | None = None,
        bundle: Bundle | None = None,
    ) -> Pending:
        """Write a decision together with the event that it is about, both under ``decision.seq``.

        With a ``bundle`` it is kept there, and written once its owner calls `hand_over`. Ends in
        `ConflictError` where this event of this tenant was recorded before.
        """
        rows = ((_EVENT, _event_values(event, decision.seq)), (_DECISION, _values(decision)))
        return self._require_writer().submit(rows, deadline_ns=deadline_ns, bundle=bundle)

    def hand_over(self, bundle: Bundle) -> None:
        """Write what was kept in a bundle, in one step. The bundle is the writer's from then on."""
        self._require_writer().hand_over(bundle)

    def label(
        self, label: StoredLabel, status: Status | None = None, *, deadline_ns: int | None = None
    ) -> Pending:
        """Write what became known about an event, with what was said about it."""
        rows: list[Row] = [(_LABEL, _columns(labels, label))]
        if status is not None:
            rows.append((_STATUS, _columns(statuses, status)))
        return self._submit(rows, deadline_ns)

    def set_status(self, status: Status, *, deadline_ns: int | None = None) -> Pending:
        """Write what was said about a decision where no label follows, as in ``escalated``."""
        return self._submit([(_STATUS, _columns(statuses, status))], deadline_ns)

    def keep_release(self, document: bytes, *, first_seen_us: int) -> Pending:
        """Keep the document of a release under its digest; nothing happens where it is kept."""
        values = {"document": document, "first_seen_us": first_seen_us}
        return self._submit([(_RELEASE, values | {"digest": digest_bytes(document)})], None)

    def keep_blob(self, data: bytes) -> Pending:
        """Keep content under its digest; nothing happens where it is kept."""
        return self._submit([(_BLOB, {"digest": digest_bytes(data), "data": data})], None)

    def register_backfill(self, backfill: Backfill) -> Pending:
        """Register a file of history, whose rows then count as arrived.

        Ends in `ConflictError` where the file is registered already.
        """
        return self._submit([(_BACKFILL, _columns(backfills, backfill))], None)

    def refuse_when_full(self) -> None:
        """Raise `StoreUnavailableError` when a write handed over now would be refused at once."""
        if self._writer is not None:
            self._writer.refuse_when_full()

    def close(self) -> None:
        """Write what is waiting, then let another process write."""
        self._on_close()
        super().close()

    def _submit(self, rows: Sequence[Row], deadline_ns: int | None) -> Pending:
        return self._require_writer().submit(rows, deadline_ns=deadline_ns)

    def _require_writer(self) -> Writer:
        if self._writer is None:
            raise ConfigurationError(
                "The record was opened read-only.", user_action="Open it for writing."
            )
        return self._writer


def _path_of(location: Path | str) -> Path:
    text = str(location)
    if "://" in text and not text.startswith(_SCHEME):
        raise ConfigurationError(
            f"A record at {text.partition('://')[0]}:// cannot be opened.",
            user_action=f"Name a file, or {_SCHEME} and a file.",
        )
    return Path(text.removeprefix(_SCHEME)).absolute()


def _event_values(event: Event, seq: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "tenant": event.tenant,
        "id": event.id,
        "type": event.type,
        "occurred_at_us": event.occurred_at_us,
        "received_at_us": event.received_at_us,
        "digest": event.digest,
        "body": event.canonical,
    }


def _values(decision: Decision) -> dict[str, Any]:
    return _columns(decisions, decision, record=encode(decision))


def _columns(table: Table, row: object, **given: Any) -> dict[str, Any]:
    """Take from a row's attributes what the table has columns for."""
    names = [c.name for c in table.c if c.autoincrement is not True and c.name not in given]
    return {name: getattr(row, name) for name in names} | given
