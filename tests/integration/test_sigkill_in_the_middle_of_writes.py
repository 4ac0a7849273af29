"""What was acknowledged is there, whatever moment the process was killed at."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel_core.store import Store

KILLS = 20
ROOT = Path(__file__).parents[2]


def write_and_kill(path, wait_seconds):
    """Return the ids that a writer acknowledged until it was killed, some time after the first."""
    command = [sys.executable, "-m", "tests.support.write_until_killed", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        time.sleep(wait_seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    # A line without its end was still being printed: nobody was told.
    return [line.strip() for line in [first, *rest.splitlines(keepends=True)] if line[-1:] == "\n"]


def integrity_of(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()


@pytest.mark.slow
def test_every_acknowledged_decision_is_there_once_after_twenty_kills(tmp_path):
    path = tmp_path / "record.db"
    moments = random.Random(20)
    acknowledged = []
    for _ in range(KILLS):
        acknowledged += write_and_kill(path, moments.uniform(0, 0.3))
        assert integrity_of(path) == [("ok",)]
        with_event = {}
        store = Store.open(path)
        for arrival in store.arrivals():
            with_event[arrival.id] = arrival.seq
        recorded = [(decision.event_id, decision.seq) for decision in store.decisions()]
        store.close()
        assert dict(recorded) == with_event
        assert len(recorded) == len(with_event)
        assert set(acknowledged) <= set(with_event)
    assert len(acknowledged) == len(set(acknowledged))
    assert len(acknowledged) > KILLS
