"""Migrations make exactly the tables that the code knows, and can be taken back."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from sentinel_core.errors import ConfigurationError
from sentinel_core.store import Store, migrate
from sentinel_core.store.sqlite import build_write_engine
from sentinel_core.store.tables import metadata


@pytest.fixture
def engine(tmp_path):
    engine = build_write_engine(tmp_path / "record.db")
    yield engine
    engine.dispose()


def form_of(engine):
    """Everything the database says about its tables."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
        return [tuple(row) for row in rows]


def test_the_migrations_make_the_tables_of_the_code(engine):
    migrate.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_keys_of_the_database_are_those_of_the_code(engine):
    migrate.upgrade(engine)
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert [c.name for c in table.primary_key] == key


def test_up_down_and_up_again_ends_where_it_began(engine):
    migrate.upgrade(engine)
    first = form_of(engine)
    migrate.downgrade(engine, "base")
    tables = inspect(engine).get_table_names()
    migrate.upgrade(engine)
    assert tables == ["alembic_version"]
    assert form_of(engine) == first


def test_an_upgraded_record_has_the_newest_revision(engine):
    before = migrate.current(engine)
    migrate.upgrade(engine)
    assert (before, migrate.current(engine)) == (None, migrate.newest())


def test_upgrading_twice_changes_nothing(engine):
    migrate.upgrade(engine)
    first = form_of(engine)
    migrate.upgrade(engine)
    assert form_of(engine) == first


@pytest.fixture
def newer(engine):
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    return engine


def test_a_record_of_a_newer_version_is_not_touched(newer):
    with pytest.raises(ConfigurationError, match="9999"):
        migrate.upgrade(newer)
    assert migrate.current(newer) == "9999"


def test_a_record_of_a_newer_version_is_not_opened_and_not_left_locked(newer, tmp_path):
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="9999"):
            Store.open(tmp_path / "record.db")


def test_a_record_of_another_form_is_not_read(newer, tmp_path):
    with pytest.raises(ConfigurationError, match="9999"):
        Store.open(tmp_path / "record.db", read_only=True)
