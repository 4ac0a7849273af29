"""The record of events, decisions, labels and what they name."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "events",
        sa.Column("seq", _ROW, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger, nullable=False),
        sa.Column("received_at_us", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("tenant", "id", name="uq_events_tenant_id"),
    )
    op.create_table(
        "decisions",
        sa.Column("seq", _ROW, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("arm", sa.String, nullable=False),
        sa.Column("release_digest", sa.String, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
        sa.UniqueConstraint("tenant", "event_id", name="uq_decisions_tenant_event_id"),
        sa.UniqueConstraint("tenant", "id", name="uq_decisions_tenant_id"),
    )
    _create_feedback()
    _create_named_by_digest()


def _create_feedback() -> None:
    op.create_table(
        "labels",
        sa.Column("seq", _ROW, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("known_at_us", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_labels"),
    )
    op.create_index("ix_labels_tenant_event_id", "labels", ["tenant", "event_id"])
    op.create_table(
        "statuses",
        sa.Column("number", _ROW, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("set_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_statuses"),
    )
    op.create_index("ix_statuses_tenant_event_id", "statuses", ["tenant", "event_id"])


def _create_named_by_digest() -> None:
    op.create_table(
        "releases",
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("first_seen_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_releases"),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
    )
    op.create_table(
        "backfills",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("registered_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name="pk_backfills"),
    )


def downgrade() -> None:
    """Drop the tables, with all that they hold."""
    for table in ("backfills", "blobs", "releases", "statuses", "labels", "decisions", "events"):
        op.drop_table(table)
