"""Bring the tables of a record to the form that this version reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sentinel_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every migration that is missing, all in one transaction.

    Raises
    ------
    ConfigurationError
        A newer version has migrated this record further than this one knows. Retryable: no.
    """
    with engine.begin() as connection:
        _refuse_newer(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back to ``revision``, or to an empty database with ``base``.

    What only the newer form can hold is lost; take a copy of the record first.
    """
    with engine.begin() as connection:
        _refuse_newer(connection)
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """Return the revision that a record has, None where no migration was applied."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Return the revision that this version reads and writes."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "sentinel_core.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_newer(connection: Connection) -> None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {
        script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()
    }
    if revision is not None and revision not in known:
        raise ConfigurationError(
            f"The record has the form {revision}, which this version does not know.",
            user_action="Run the version of Sentinel that last wrote it, or a newer one.",
        )
