"""A commit that fails is told, and costs neither the event its place nor later ones their windows.

The fault is a real one of SQLite: a trigger whose sum overflows fails every insert of a table, as a
full disk would.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest

from sentinel_core.clock import FixedClock
from sentinel_core.decision import encode
from sentinel_core.engine import unsettled
from sentinel_core.engine.arrivals import Feeder
from sentinel_core.errors import ConflictError, StoreUnavailableError
from sentinel_core.release.projection import read_projection, write_projection
from tests.support.pipelines import FEATURES, NOW_US, build_release, open_engine, payment


class Fault:
    """Makes inserts into one table of the record fail, from another connection."""

    def __init__(self, path):
        self.path = path

    def begin(self, table="events"):
        self._run(
            f"CREATE TRIGGER fault BEFORE INSERT ON {table} "
            "BEGIN SELECT abs(-9223372036854775808); END"
        )

    def end(self):
        self._run("DROP TRIGGER fault")

    @contextmanager
    def stall(self):
        """Keep the writer waiting in its commit, as a disk does that answers nothing."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def _run(self, statement):
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(statement)


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(tmp_path, clock=FixedClock(NOW_US))
    yield engine
    engine.close()


@pytest.fixture
def fault(engine, tmp_path):
    return Fault(tmp_path / "state" / "record.db")


async def refused(engine, event):
    with pytest.raises(StoreUnavailableError) as caught:
        await engine.decide(event)
    assert caught.value.retryable


def recorded(engine):
    return {d.event_id: d.seq for d in engine.recorded()}


async def until(check):
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110 - the record has no event for it
            await asyncio.sleep(0.001)


async def until_recorded(engine, *ids):
    await until(lambda: set(ids) <= set(recorded(engine)))


def test_a_decision_that_is_not_recorded_is_not_given(engine, fault):
    fault.begin()
    asyncio.run(refused(engine, payment("e1")))
    assert recorded(engine) == {}


def test_a_retry_is_recorded_as_it_was_seen_the_first_time(engine, fault):
    async def run():
        await engine.decide(payment("e0"))
        fault.begin()
        await refused(engine, payment("e1"))
        await refused(engine, payment("e2"))
        fault.end()
        return await engine.decide(payment("e1"))

    decision = asyncio.run(run())
    assert (decision.seq, decision.vector[0]) == (2, 1.0)


def test_later_events_see_an_event_once_however_often_it_was_retried(engine, fault):
    async def run():
        fault.begin()
        for _ in range(3):
            await refused(engine, payment("e1"))
        fault.end()
        await engine.decide(payment("e1"))
        await engine.decide(payment("e1"))
        return await engine.decide(payment("e2"))

    assert asyncio.run(run()).vector[:2] == (1.0, 10.0)


def test_what_nobody_retries_is_recorded_when_the_record_takes_writes_again(engine, fault):
    async def run():
        fault.begin()
        for name in ("a", "b", "c"):
            await refused(engine, payment(name))
        fault.end()
        await engine.decide(payment("d"))
        await until_recorded(engine, "a", "b", "c")

    asyncio.run(run())
    assert recorded(engine) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_more_than_one_round_of_failed_decisions_is_recorded_in_the_end(engine, fault, monkeypatch):
    async def run():
        fault.begin()
        for i in range(10):
            await refused(engine, payment(f"e{i}"))
        fault.end()
        await engine.decide(payment("last"))
        await until_recorded(engine, *(f"e{i}" for i in range(10)))

    monkeypatch.setattr(unsettled, "MAX_RESUBMITTED", 3)
    asyncio.run(run())
    assert sorted(recorded(engine).values()) == list(range(1, 12))


async def unanswered(engine, event):
    """Ask for an event with a budget that is spent already."""
    with pytest.raises(StoreUnavailableError, match="still being written at the deadline"):
        await engine.decide(event, deadline_ns=engine._clock.elapsed_ns())


def test_a_retry_is_answered_within_its_own_budget_where_the_decision_was_offered_again(
    engine, fault
):
    async def run():
        fault.begin()
        await refused(engine, payment("e1"))
        fault.end()
        with fault.stall():
            engine._decider.unsettled._resubmit()
            await unanswered(engine, payment("e1"))
        await until_recorded(engine, "e1")

    asyncio.run(run())
    assert recorded(engine) == {"e1": 1}


def test_an_event_in_flight_from_a_batch_is_answered_within_the_budget_of_who_asks(engine, fault):
    async def run():
        with fault.stall():
            batch = asyncio.create_task(engine.decide_many([payment("e1")]))
            await asyncio.sleep(0)
            await unanswered(engine, payment("e1"))
        return await batch

    assert [d.event_id for d in asyncio.run(run())] == ["e1"]


def test_in_a_batch_each_event_is_answered_within_the_batch_s_budget(engine, fault):
    async def run():
        with fault.stall():
            alone = asyncio.create_task(engine.decide(payment("e1")))
            await asyncio.sleep(0)
            now_ns = engine._clock.elapsed_ns()
            told = await engine.decide_many([payment("e1")], deadline_ns=now_ns)
        return await alone, told

    alone, told = asyncio.run(run())
    assert (alone.event_id, [type(error) for error in told]) == ("e1", [StoreUnavailableError])


def test_logs_built_from_the_record_are_those_that_decided(engine, fault):
    async def run():
        fault.begin()
        await refused(engine, payment("e1"))
        fault.end()
        given = [await engine.decide(payment(f"e{i}")) for i in (1, 2)]
        await until_recorded(engine, "e1", "e2")
        return given

    given = asyncio.run(run())
    assert [encode(d) for d in engine.recorded()] == [encode(d) for d in given]
    feeder = Feeder(engine._store, engine._decider.arms.specs(), None)
    feeder.feed()
    event = payment("e3")
    expected = engine._arrivals.observer.observe("default", event.occurred_at_us, event.fields)
    assert expected == feeder.observer.observe("default", event.occurred_at_us, event.fields)


def test_another_body_under_the_id_of_a_failed_decision_is_a_conflict(engine, fault):
    async def run():
        fault.begin()
        await refused(engine, payment("e1"))
        with pytest.raises(ConflictError):
            await engine.decide(payment("e1", amount=11.0))

    asyncio.run(run())


def test_a_record_that_is_away_for_long_does_not_fill_the_memory(engine, fault, monkeypatch):
    async def run():
        fault.begin()
        for i in range(6):
            await refused(engine, payment(f"e{i}"))
        seen = engine._arrivals.last_seq
        await until(
            lambda: not engine._decider.unsettled._flights
        )  # what was offered again has failed too
        fault.end()
        await engine.decide(payment("e0"))
        await until_recorded(engine, "e1", "e2")
        await engine.decide(payment("e5"))
        return seen

    monkeypatch.setattr(unsettled, "MAX_UNSETTLED", 3)
    assert asyncio.run(run()) == 3
    assert recorded(engine) == {"e0": 1, "e1": 2, "e2": 3, "e5": 4}


def test_in_a_batch_whose_commit_fails_each_event_is_told(engine, fault):
    fault.begin()
    results = asyncio.run(engine.decide_many([payment("e1"), payment("e2")]))
    assert [type(r) for r in results] == [StoreUnavailableError] * 2


def test_a_verdict_whose_commit_failed_is_recorded_as_it_ruled_since(engine, fault):
    async def tell():
        return await engine.feedback("default", "e1", "confirmed_fraud", note="", author="ann")

    async def run():
        await engine.decide(payment("e1"))
        fault.begin("labels")
        with pytest.raises(StoreUnavailableError):
            await tell()
        fault.end()
        engine._clock.put(NOW_US + 1_000_000)
        told = await tell()
        again = await tell()
        return told, again

    told, again = asyncio.run(run())
    assert (told.known_at_us, told.repeated) == (NOW_US, False)
    assert (again.known_at_us, again.repeated) == (NOW_US, True)
    labels = [a for a in engine._store.arrivals() if hasattr(a, "label")]
    assert [(label.seq, label.known_at_us) for label in labels] == [(2, NOW_US)]


def test_a_verdict_that_nobody_retries_is_recorded_with_the_next_commit(engine, fault):
    async def run():
        await engine.decide(payment("e1"))
        fault.begin("labels")
        with pytest.raises(StoreUnavailableError):
            await engine.feedback("default", "e1", "confirmed_fraud", note="", author="ann")
        fault.end()
        after = await engine.decide(payment("e2"))
        await until(lambda: engine._store.statuses_of("default", "e1"))
        return after

    assert asyncio.run(run()).outcome == "block"
    assert [s.status for s in engine._store.statuses_of("default", "e1")] == ["confirmed_fraud"]


def test_verdicts_do_not_fill_the_memory_of_a_record_that_is_away_for_long(
    engine, fault, monkeypatch
):
    async def tell(note):
        return await engine.feedback("default", "e1", "confirmed_fraud", note=note, author="ann")

    async def run():
        await engine.decide(payment("e1"))
        fault.begin("labels")
        for note in "abcde":
            with pytest.raises(StoreUnavailableError):
                await tell(note)
        seen = engine._arrivals.last_seq
        await until(lambda: not engine._decider.unsettled._label_flights)
        fault.end()
        await tell("a")
        await until(lambda: not engine._decider.unsettled._labels)
        return seen, await tell("e")

    monkeypatch.setattr(unsettled, "MAX_UNSETTLED", 3)
    seen, told = asyncio.run(run())
    notes = [status.note for status in engine._store.statuses_of("default", "e1")]
    assert (seen, told.repeated) == (4, False)
    assert (notes[-1], sorted(notes)) == ("e", ["a", "b", "c", "e"])


def test_each_verdict_that_waits_is_found_by_what_was_said(engine, fault):
    async def run():
        await engine.decide(payment("e1"))
        fault.begin("labels")
        for verdict in ("confirmed_fraud", "false_positive") * 2:
            with pytest.raises(StoreUnavailableError):
                await engine.feedback("default", "e1", verdict, note="", author="ann")

    asyncio.run(run())
    assert engine._arrivals.last_seq == 3
    assert len(engine._decider.unsettled._labels) == 2


def test_logs_built_anew_hold_what_waits_for_the_record(engine, fault, tmp_path):
    async def run():
        await engine.decide(payment("e1"))
        fault.begin()
        await refused(engine, payment("e2"))
        fault.end()
        fault.begin("labels")
        with pytest.raises(StoreUnavailableError):
            await engine.feedback("default", "e1", "confirmed_fraud", note="", author="ann")
        fault.end()
        await engine.take_up(read_projection(tmp_path / "release"))
        return await engine.decide(payment("e3"))

    longer = FEATURES + "  - {name: card_count_60d, entity: card, count: {}, window: 60d}\n"
    write_projection(tmp_path / "release", build_release(features=longer))
    assert asyncio.run(run()).vector == (2.0, 20.0, 1.0, 2.0, 2.0)
