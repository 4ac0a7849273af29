"""How SQLite is opened: one connection that writes durably, a few that read.

The driver's own transaction handling is switched off, since it begins transactions late and would
let a reading statement come before the write lock.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine, PoolProxiedConnection, Select

WRITE_BUSY_SECONDS = 1.0
"""How long a commit waits for a foreign lock, such as a backup's. Longer than any answer's deadline:
the items of a group fail together, so one short lock should not fail them."""
READ_BUSY_SECONDS = 0.1
"""Readers wait in WAL mode only while a log is recovered; they run on the event loop."""
READ_CONNECTIONS = 5
"""The event loop reads on two, one of them a `Lookup`'s; the others are for threads that export or
replay."""


def build_write_engine(path: Path) -> Engine:
    """Build the engine of the one writing connection.

    Write-ahead log with ``synchronous=FULL``: a commit has returned only when its log is on the disk,
    and readers never wait for it. Transactions begin with the write lock.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": WRITE_BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def build_read_engine(path: Path) -> Engine:
    """Build the engine of the reading connections; each statement sees the last commit before it."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=READ_CONNECTIONS,
        max_overflow=0,
        pool_timeout=READ_BUSY_SECONDS,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": READ_BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    return engine


class Lookup:
    """A statement that is asked for every event, on a connection that is kept for it.

    SQLite takes 4 us to look for a key; SQLAlchemy takes 30 to borrow a connection and to ask. For
    one thread, and for read engines, whose statements see the last commit before each.

    Parameters
    ----------
    statement : Select
        Of one column; its parameters are the key, in the order in which it has them.
    """

    def __init__(self, engine: Engine, statement: Select[Any]) -> None:
        self._engine = engine
        self._sql = str(statement.compile(engine))
        self._connection: PoolProxiedConnection | None = None

    def find(self, *key: str) -> Any | None:
        """Return the value of the first row, None where there is none.

        Raises
        ------
        sqlite3.Error, DBAPIError
            The database cannot be read. Retryable: yes; the next call opens it anew.
        """
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            # All of them: a row that is left would keep the statement, and what it sees, for ever.
            rows = cursor.execute(self._sql, key).fetchall()
        except sqlite3.Error:
            self.close()
            raise
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
