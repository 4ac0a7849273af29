"""The tables of the record, as SQLAlchemy Core sees them.

Rows are written once and not changed. Every key by which a caller finds a row begins with the tenant.
Two kinds of key do not: ``seq``, the order of arrival over all tenants, by which a rebuild reads; and
digests, which name content and are given out by releases only. Only types that SQLite and PostgreSQL
share are used. A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

_NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}
metadata = MetaData(naming_convention=_NAMES)

# SQLite makes only a column of type INTEGER the row's own address, which spares an index.
_Row = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("seq", _Row, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("occurred_at_us", BigInteger, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("tenant", "id"),
)
"""Accepted events; ``body`` is the canonical JSON that ``digest`` is taken over."""

decisions = Table(
    "decisions",
    metadata,
    Column("seq", _Row, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("id", String, nullable=False),
    Column("score", Float),
    Column("level", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("arm", String, nullable=False),
    Column("release_digest", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("tenant", "event_id"),
    UniqueConstraint("tenant", "id"),
)
"""One decision an event, with the event's ``seq``. ``record`` rules; the columns serve queries."""

labels = Table(
    "labels",
    metadata,
    Column("seq", _Row, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("label", String, nullable=False),
    Column("known_at_us", BigInteger, nullable=False),
    Column("author", String, nullable=False),
    Column("source", String, nullable=False),
    Index(None, "tenant", "event_id"),
)
"""What became known about events; ``seq`` is drawn from the same sequence as the events'."""

statuses = Table(
    "statuses",
    metadata,
    Column("number", _Row, primary_key=True, autoincrement=True),
    Column("tenant", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("note", String, nullable=False),
    Column("author", String, nullable=False),
    Column("set_at_us", BigInteger, nullable=False),
    Index(None, "tenant", "event_id"),
)
"""What people said about a decision. No feature reads it, so it has no place in the sequence."""

releases = Table(
    "releases",
    metadata,
    Column("digest", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
)
"""Every release that decisions name."""

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""Content that releases name by digest, such as the rows of lists."""

backfills = Table(
    "backfills",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("registered_at_us", BigInteger, nullable=False),
)
"""Files of history from before the first event; their rows take ``first_seq`` to ``last_seq``."""
