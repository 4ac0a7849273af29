"""The writer: groups, deadlines, and what it does when the disk says no.

Each fault is a real one of SQLite: a foreign lock, a full database, a connection that may not write, a
trigger that refuses a row.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest
from sqlalchemy import insert

from sentinel_core.clock import FixedClock
from sentinel_core.errors import ConflictError, StoreUnavailableError
from sentinel_core.store import migrate, writer
from sentinel_core.store.sqlite import build_write_engine
from sentinel_core.store.tables import blobs, statuses
from sentinel_core.store.writer import Writer

BLOB, STATUS = insert(blobs), insert(statuses)


class Record:
    """A writer on a fresh database, and a foreign connection to look and to disturb with."""

    def __init__(self, path, clock):
        self.engine = build_write_engine(path)
        migrate.upgrade(self.engine)
        self.groups = []
        self.writer = Writer(self.engine, clock, self.groups.append)
        self.foreign = sqlite3.connect(path, isolation_level=None, timeout=0)

    def submit(self, name, *, data=b"", deadline_ns=None, bundle=None):
        rows = [(BLOB, {"digest": name, "data": data})]
        return self.writer.submit(rows, deadline_ns=deadline_ns, bundle=bundle)

    def names(self):
        return [row[0] for row in self.foreign.execute("SELECT digest FROM blobs ORDER BY digest")]

    def count(self, table):
        return self.foreign.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def set_pragma(self, text):
        """Set a pragma on the connection that writes."""
        with closing(self.engine.raw_connection()) as connection:
            return connection.cursor().execute(f"PRAGMA {text}").fetchone()

    def hang(self):
        """Take the write lock from outside and bring the writer to wait for it."""
        self.set_pragma("busy_timeout=60000")
        self.foreign.execute("BEGIN IMMEDIATE")
        stuck = self.submit("stuck")
        wait_until_writing(stuck)
        return stuck

    def resume(self):
        self.foreign.execute("COMMIT")

    def close(self):
        self.writer.close()
        self.foreign.close()
        self.engine.dispose()


def wait_until_writing(pending):
    while pending._stage.name != "WRITING":
        time.sleep(0.001)


@pytest.fixture
def clock():
    return FixedClock(0)


@pytest.fixture
def record(tmp_path, clock):
    record = Record(tmp_path / "record.db", clock)
    yield record
    record.close()


def test_a_blocking_caller_returns_when_its_row_is_there(record):
    assert record.submit("a").result() is None
    assert record.names() == ["a"]


def test_what_waits_during_a_commit_shares_the_next_ones(record):
    record.hang()
    waiting = [record.submit(f"{i:03}") for i in range(299)]
    record.resume()
    for pending in waiting:
        pending.result()
    assert record.groups == [1, writer.MAX_GROUP, 299 - writer.MAX_GROUP]


def test_a_bundle_is_written_in_one_commit_once_it_is_handed_over(record):
    bundle = []
    waiting = [record.submit(name, bundle=bundle) for name in "abc"]
    record.submit("before").result()
    record.writer.hand_over(bundle)
    for pending in waiting:
        pending.result()
    assert record.names() == ["a", "b", "before", "c"]
    assert record.groups == [1, 3]


@pytest.mark.parametrize("bundle", [None, []])
def test_a_full_queue_refuses_at_once(record, monkeypatch, bundle):
    monkeypatch.setattr(writer, "MAX_QUEUED", 2)
    record.hang()
    record.submit("a", bundle=bundle)
    record.submit("b", bundle=bundle)
    with pytest.raises(StoreUnavailableError, match="2 writes wait"):
        record.submit("c")
    record.resume()


def test_a_closed_writer_refuses(record):
    bundle = []
    kept = record.submit("kept", bundle=bundle)
    record.writer.close()
    record.writer.hand_over(bundle)
    with pytest.raises(StoreUnavailableError, match="closed"):
        record.submit("a")
    with pytest.raises(StoreUnavailableError, match="closed"):
        kept.result()
    assert record.names() == []


def test_a_write_whose_deadline_passed_in_the_queue_is_dropped(record, clock):
    stuck = record.hang()
    late = record.submit("late", deadline_ns=1_000)
    in_time = record.submit("in time", deadline_ns=1_001)
    clock.put(1)
    record.resume()
    stuck.result()
    in_time.result()
    with pytest.raises(StoreUnavailableError, match="before the deadline"):
        late.result()
    assert record.names() == ["in time", "stuck"]


# The clock stands, so a deadline never passes for the writer, which reads it; the caller's timer
# runs on the event loop's own time and is over at once.
AT_ONCE_NS = 1


def test_a_caller_is_answered_at_its_deadline_while_the_database_hangs(record):
    async def ask():
        with pytest.raises(StoreUnavailableError, match="before the deadline"):
            await record.submit("waiting", deadline_ns=AT_ONCE_NS)

    record.hang()
    asyncio.run(ask())
    record.resume()
    record.writer.close()
    assert record.names() == ["stuck"]


def test_a_caller_whose_commit_has_begun_is_answered_and_later_told_the_end(record):
    async def ask():
        pending = record.submit("a", deadline_ns=AT_ONCE_NS)
        end = asyncio.get_running_loop().create_future()
        pending.on_settled(end.set_result)
        wait_until_writing(pending)
        with pytest.raises(StoreUnavailableError, match="still being written"):
            await pending
        assert not end.done()
        record.resume()
        return await end

    record.set_pragma("busy_timeout=60000")
    record.foreign.execute("BEGIN IMMEDIATE")
    assert asyncio.run(ask()) is None
    assert record.names() == ["a"]


def test_another_caller_is_answered_at_its_own_deadline_and_the_write_goes_on(record):
    async def ask(*, own_deadline_ns):
        pending = record.submit(f"{own_deadline_ns}", deadline_ns=own_deadline_ns)
        with pytest.raises(StoreUnavailableError, match="still being written"):
            await pending.answer(AT_ONCE_NS)

    record.hang()
    asyncio.run(ask(own_deadline_ns=None))
    asyncio.run(ask(own_deadline_ns=60_000_000_000))
    record.resume()
    record.writer.close()
    assert record.names() == ["60000000000", "None", "stuck"]


def test_a_caller_with_more_time_than_a_write_has_is_told_that_it_was_dropped(record):
    async def ask():
        with pytest.raises(StoreUnavailableError, match="before the deadline"):
            await record.submit("a", deadline_ns=AT_ONCE_NS).answer(60_000_000_000)

    record.hang()
    asyncio.run(ask())
    record.resume()
    record.writer.close()
    assert record.names() == ["stuck"]


def test_a_write_that_has_ended_answers_those_who_ask_later(record):
    async def ask():
        pending = record.submit("a")
        await pending
        await pending

    asyncio.run(ask())
    assert record.names() == ["a"]


def test_a_cancelled_caller_leaves_its_write_and_the_others_alone(record):
    async def ask():
        waiting = asyncio.ensure_future(_await(record.submit("a")))
        other = asyncio.ensure_future(_await(record.submit("b")))
        await asyncio.sleep(0)
        waiting.cancel()
        record.resume()
        await other
        return waiting.cancelled()

    record.hang()
    assert asyncio.run(ask())
    assert record.names() == ["a", "b", "stuck"]


async def _await(pending):
    return await pending


def test_a_callback_that_raises_does_not_silence_the_others(record):
    async def ask():
        faults = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
        first, second = record.submit("a"), record.submit("b")
        first.on_settled(lambda _error: 1 / 0)
        record.resume()
        async with asyncio.timeout(10):  # a silenced one would never end
            await second
        return [type(fault) for fault in faults]

    record.hang()
    assert asyncio.run(ask()) == [ZeroDivisionError]


def test_the_writer_outlives_an_event_loop_that_went_away(record):
    async def leave():
        record.submit("a").on_settled(lambda _error: None)

    record.hang()
    asyncio.run(leave())
    record.resume()
    record.submit("b").result()
    assert record.names() == ["a", "b", "stuck"]


def fill(record):
    record.set_pragma(f"max_page_count={record.set_pragma('page_count')[0]}")


def make_room(record):
    record.set_pragma("max_page_count=1000000")


def forbid(record):
    record.set_pragma("query_only=ON")


def allow(record):
    record.set_pragma("query_only=OFF")


def take_the_lock(record):
    record.set_pragma("busy_timeout=0")
    record.foreign.execute("BEGIN IMMEDIATE")


def give_the_lock_back(record):
    record.foreign.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("break_it", "mend_it", "cause"),
    [
        (fill, make_room, "full"),
        (forbid, allow, "readonly"),
        (take_the_lock, give_the_lock_back, "locked"),
    ],
)
def test_after_an_outage_nothing_is_half_written_and_the_writer_goes_on(
    record, break_it, mend_it, cause
):
    small = (STATUS, {"tenant": "t", "event_id": "e", "status": "escalated", "note": ""})
    small[1].update(author="ada", set_at_us=1)
    large = (BLOB, {"digest": "large", "data": bytes(100_000)})
    break_it(record)
    with pytest.raises(StoreUnavailableError, match=cause):
        record.writer.submit([small, large]).result()
    mend_it(record)
    half_written = record.count("statuses")
    record.writer.submit([small, large]).result()
    assert (half_written, record.count("statuses"), record.names()) == (0, 1, ["large"])


def test_an_outage_fails_every_write_of_the_group(record):
    async def ask():
        waiting = [record.submit(name) for name in "abc"]
        record.foreign.execute("COMMIT")
        return await asyncio.gather(*waiting, return_exceptions=True)

    record.hang()
    record.foreign.execute(
        "CREATE TRIGGER stop BEFORE INSERT ON blobs WHEN new.digest <> 'stuck' "
        "BEGIN SELECT abs(-9223372036854775808); END"
    )
    ends = asyncio.run(ask())
    assert [type(end) for end in ends] == [StoreUnavailableError] * 3
    assert record.names() == ["stuck"]
    assert record.groups == [1]


def test_a_row_that_is_refused_fails_alone(record):
    async def ask():
        waiting = [record.submit(name) for name in ("a", "refused", "b")]
        record.resume()
        return await asyncio.gather(*waiting, return_exceptions=True)

    record.hang()
    record.foreign.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON blobs WHEN new.digest = 'refused' "
        "BEGIN SELECT RAISE(ABORT, 'refused by a trigger'); END"
    )
    ends = asyncio.run(ask())
    assert [type(end) for end in ends] == [type(None), ConflictError, type(None)]
    assert record.names() == ["a", "b", "stuck"]


def test_a_value_that_the_driver_cannot_write_fails_alone(record):
    record.hang()
    good, wrong = record.submit("a"), record.submit("b", data=object())
    record.resume()
    good.result()
    with pytest.raises(Exception, match="object"):
        wrong.result()
    assert record.names() == ["a", "stuck"]


def test_a_caller_can_ask_whether_there_is_room_before_it_does_its_work(record, monkeypatch):
    monkeypatch.setattr(writer, "MAX_QUEUED", 1)
    record.hang()
    with_room = record.writer.refuse_when_full()
    record.submit("a")
    with pytest.raises(StoreUnavailableError, match="1 writes wait"):
        record.writer.refuse_when_full()
    record.resume()
    assert with_room is None
