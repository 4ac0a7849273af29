"""``sentinel replay`` and ``sentinel backtest``: decisions again, from the record and from a file."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from contextlib import closing

import pyarrow as pa
import pytest

from sentinel_core.clock import FixedClock, format_us
from sentinel_core.events.table import parse_events
from sentinel_core.release import compile_manifest
from tests.support.event_files import write_rows
from tests.support.manifests import SAMPLES
from tests.support.pipelines import NOW_US, open_engine, payment

LOGINS = SAMPLES / "logins"


@pytest.fixture
def record(tmp_path):
    """Return the state directory of a server that decided 20 payments, and their ids."""

    async def run():
        return [await engine.decide(payment(f"e{i}", card=f"c{i % 3}")) for i in range(20)]

    engine = open_engine(tmp_path)
    decisions = asyncio.run(run())
    engine.close()
    return tmp_path / "state", [d.id for d in decisions]


def tamper(state, decision_id):
    with closing(sqlite3.connect(state / "record.db")) as database, database:
        row = database.execute("select record from decisions where id = ?", (decision_id,))
        changed = row.fetchone()[0].replace(b'"outcome":"approve"', b'"outcome":"block"')
        database.execute("update decisions set record = ? where id = ?", (changed, decision_id))


def test_all_decisions_replay_equal(sentinel, record):
    state, _ = record
    ran = sentinel("replay", "--all", "--state", state)
    assert ran.code == 0
    assert "20 decisions replayed, 20 equal (20 on the same runtime, to the bit)." in ran.out


def test_decisions_of_ids_are_replayed_as_json(sentinel, record):
    state, ids = record
    ran = sentinel("replay", *ids[:2], "--state", state, "--json")
    expected = {"replayed": 2, "equal": 2, "bits": 2, "unequal": []}
    assert (ran.code, json.loads(ran.out)) == (0, expected)


def test_a_decision_that_was_changed_is_named_with_what_differs(sentinel, record):
    state, ids = record
    tamper(state, ids[3])
    ran = sentinel("replay", "--all", "--state", state)
    assert ran.code == 1
    assert f"{ids[3]}: outcome was 'block', is 'approve'" in ran.out
    assert "20 decisions replayed, 19 equal" in ran.out


def test_what_differs_is_in_the_json_too(sentinel, record):
    state, ids = record
    tamper(state, ids[3])
    ran = sentinel("replay", ids[3], "--state", state, "--json")
    unequal = json.loads(ran.out)["unequal"]
    assert (ran.code, [one["decision_id"] for one in unequal]) == (1, [ids[3]])
    assert unequal[0]["differences"] == ["outcome was 'block', is 'approve'"]


def test_a_decision_that_is_not_there_is_refused(sentinel, record):
    ran = sentinel("replay", "dec_0", "--state", record[0])
    assert (ran.code, ran.err.strip()) == (1, "There is no decision dec_0. Check the id.")


def test_another_tenant_s_decision_is_not_there(sentinel, record):
    ran = sentinel("replay", record[1][0], "--state", record[0], "--tenant", "other")
    assert (ran.code, "There is no decision" in ran.err) == (1, True)


def test_a_folder_without_a_record_is_refused(sentinel, tmp_path):
    ran = sentinel("replay", "--all", "--state", tmp_path)
    assert (ran.code, "There is no record" in ran.err) == (1, True)


@pytest.mark.parametrize("arguments", [(), ("--all", "dec_0")])
def test_ids_or_all_is_asked_for(sentinel, record, arguments):
    ran = sentinel("replay", *arguments, "--state", record[0])
    assert (ran.code, "give decision ids, or --all" in ran.err) == (2, True)


def test_a_record_is_replayed_while_its_server_runs(sentinel, tmp_path):
    engine = open_engine(tmp_path)
    asyncio.run(engine.decide(payment("e1")))
    ran = sentinel("replay", "--all", "--state", tmp_path / "state")
    engine.close()
    assert (ran.code, "1 equal" in ran.out) == (0, True)


# Backtests, over logins


def login_rows(count=300):
    draw = random.Random(5)
    now_us, rows = NOW_US, []
    for number in range(count):
        now_us += draw.randrange(20_000_000)
        place = draw.choice([(59.9, 10.7), (59.9, 10.7), (40.7, -74.0)])
        rows.append(
            {
                "id": f"l{number}",
                "type": "Login",
                "occurred_at": format_us(now_us),
                "user": f"u{draw.randrange(6)}",
                "ip": f"192.0.2.{draw.randrange(3)}",
                "device": draw.choice(["d1", "d1", "d2"]),
                "result": draw.choice(["success", "failure"]),
                "lat": place[0],
                "lon": place[1],
            }
        )
    return [*rows, rows[-1]]


@pytest.fixture
def logins(tmp_path):
    return write_rows(tmp_path / "logins.csv", login_rows())


def test_a_backtest_decides_as_the_engine_does(sentinel, logins, tmp_path):
    async def run():
        decided = {}
        for event in table.events("default"):
            clock.put(event.received_at_us)
            decided[event.id] = await engine.decide(event)
        return decided.values()

    ran = sentinel("backtest", logins, "-f", LOGINS, "--json")
    clock, table = FixedClock(NOW_US), parse_events(pa.Table.from_pylist(login_rows()))
    engine = open_engine(tmp_path, clock=clock, release=compile_manifest(LOGINS).release)
    decisions = asyncio.run(run())
    engine.close()
    summary = json.loads(ran.out)
    assert ran.code == 0
    assert len(summary["outcomes"]) > 1
    assert summary["outcomes"] == Counter(d.outcome for d in decisions)
    assert summary["levels"] == Counter(d.level for d in decisions)
    assert summary["rule_hits"] == Counter(hit.rule_id for d in decisions for hit in d.hits)


def test_a_backtest_says_what_labels_say_of_it(sentinel, logins, tmp_path):
    told = [
        {"event_id": f"l{n}", "label": "fraud", "known_at": "2019-01-01T00:00:00Z"}
        for n in range(0, 300, 10)
    ]
    labels = write_rows(tmp_path / "labels.csv", told)
    ran = sentinel("backtest", logins, "--labels", labels, "-f", LOGINS)
    assert (ran.code, "precision 0." in ran.out, "recall 0." in ran.out) == (0, True, True)


def test_a_backtest_of_events_of_another_type_is_refused(sentinel, tmp_path):
    row = {
        "id": "p1",
        "type": "Transaction",
        "occurred_at": "2018-08-29T12:00:00Z",
        "amount": 1.0,
        "currency": "EUR",
    }
    ran = sentinel("backtest", write_rows(tmp_path / "p.csv", [row]), "-f", LOGINS)
    assert (ran.code, "decides Login events" in ran.err) == (1, True)


def test_a_backtest_leaves_nothing_behind(sentinel, logins, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert sentinel("backtest", logins, "-f", LOGINS).code == 0
    assert list((tmp_path / "temporary").iterdir()) == []
