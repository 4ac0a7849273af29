"""How the record behaves as files on a disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_core.errors import ConfigurationError, StoreUnavailableError
from sentinel_core.store import Store
from sentinel_core.store.sqlite import build_read_engine, build_write_engine

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "record.db"


def test_commits_wait_for_the_disk(path):
    engine = build_write_engine(path)
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    engine.dispose()
    assert (mode, synchronous) == ("wal", 2)


def test_a_reading_connection_cannot_write(path):
    Store.open(path).close()
    engine = build_read_engine(path)
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM events")
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path):
    path.write_bytes(b"these are not pages of a database" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailableError, match="not a database"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        Store.open(tmp_path / "nowhere" / "record.db")


def test_a_url_names_the_same_file(path):
    Store.open(f"sqlite:///{path}").close()
    assert path.is_file()


def test_the_lock_ends_with_its_process(path):
    program = (
        "import os, sys; from sentinel_core.store import Store;"
        "store = Store.open(sys.argv[1]); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, cwd=ROOT)
    Store.open(path).close()


def test_a_reader_that_finds_the_tables_gone_says_so(path):
    store = Store.open(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE decisions")
    connection.close()
    with pytest.raises(StoreUnavailableError, match="no such table"):
        store.find_decision("default", "tx-1")
    store.close()
