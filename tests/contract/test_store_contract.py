"""What every record does, whichever database keeps it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from sentinel_core.errors import ConfigurationError, ConflictError, StoreLockedError
from sentinel_core.ids import digest_bytes
from sentinel_core.store import Backfill, Status, Store, StoredLabel
from sentinel_core.store.reader import PAGE_ROWS
from tests.support.decisions import RECEIVED_AT_US, build_decision, build_event


@pytest.fixture(params=["sqlite"])
def location(request, tmp_path):
    return tmp_path / "record.db"


@pytest.fixture
def store(location):
    store = Store.open(location)
    yield store
    store.close()


def record(store, event_id, seq, *, tenant="default"):
    event = build_event(event_id, tenant=tenant)
    decision = build_decision(event, seq=seq)
    store.record(decision, event).result()
    return decision


def build_label(seq, event_id="tx-1", **changes):
    label = StoredLabel(seq, "default", event_id, "fraud", RECEIVED_AT_US, "ada", "feedback")
    return replace(label, **changes)


STATUS = Status("default", "tx-1", "confirmed_fraud", "called the holder", "ada", RECEIVED_AT_US)


def test_a_decision_is_found_by_its_event_and_by_its_own_id(store):
    decision = record(store, "tx-1", 1)
    assert store.find_decision("default", "tx-1") == decision
    assert store.find_decision_by_id("default", decision.id) == decision


def test_an_id_that_is_not_known_has_no_decision(store):
    assert store.find_decision("default", "tx-1") is None
    assert store.find_decision_by_id("default", "dec_0") is None
    assert store.find_event("default", "tx-1") is None


def test_another_tenant_finds_nothing(store):
    decision = record(store, "tx-1", 1)
    assert store.find_decision("other", "tx-1") is None
    assert store.find_decision_by_id("other", decision.id) is None
    assert store.find_event("other", "tx-1") is None


def test_two_tenants_may_use_the_same_event_id(store):
    first = record(store, "tx-1", 1)
    second = record(store, "tx-1", 2, tenant="other")
    assert store.find_decision("default", "tx-1") == first
    assert store.find_decision("other", "tx-1") == second


def test_the_event_comes_back_whole(store):
    record(store, "tx-1", 7)
    found = store.find_event("default", "tx-1")
    assert found.event() == build_event("tx-1")
    assert found.seq == 7
    assert digest_bytes(found.body) == found.digest == build_event("tx-1").digest


def test_a_second_decision_on_an_event_is_a_conflict_and_changes_nothing(store):
    first = record(store, "tx-1", 1)
    with pytest.raises(ConflictError):
        record(store, "tx-1", 2)
    assert store.find_decision("default", "tx-1") == first
    assert list(store.decisions()) == [first]
    assert store.last_seq() == 1


def test_a_place_in_the_sequence_is_given_once(store):
    record(store, "tx-1", 1)
    with pytest.raises(ConflictError):
        record(store, "tx-2", 1)
    assert store.find_event("default", "tx-2") is None


def test_an_event_loop_awaits_its_writes(store):
    async def write():
        events = [build_event(f"tx-{i}") for i in range(50)]
        pending = [store.record(build_decision(e, seq=i + 1), e) for i, e in enumerate(events)]
        return await asyncio.gather(*pending)

    assert asyncio.run(write()) == [None] * 50
    assert [d.event_id for d in store.decisions()] == [f"tx-{i}" for i in range(50)]


def test_arrivals_are_events_and_labels_in_one_order(store):
    record(store, "tx-1", 1)
    store.label(build_label(2)).result()
    record(store, "tx-2", 3)
    store.label(build_label(4, "tx-2")).result()
    kinds = [(arrival.seq, type(arrival).__name__) for arrival in store.arrivals()]
    assert kinds == [(1, "StoredEvent"), (2, "StoredLabel"), (3, "StoredEvent"), (4, "StoredLabel")]


def test_arrivals_begin_after_the_place_that_is_named(store):
    for seq in range(1, 5):
        record(store, f"tx-{seq}", seq)
    assert [a.seq for a in store.arrivals(after_seq=2)] == [3, 4]
    assert [d.seq for d in store.decisions(after_seq=3)] == [4]


def test_iterators_go_over_the_end_of_a_page(store):
    rows = PAGE_ROWS * 2 + 1
    events = [build_event(f"tx-{i}") for i in range(rows)]
    pending = [store.record(build_decision(e, seq=i + 1), e) for i, e in enumerate(events)]
    for write in pending:
        write.result()
    expected = list(range(1, rows + 1))
    assert [a.seq for a in store.arrivals()] == expected
    assert [d.seq for d in store.decisions()] == expected


def test_labels_come_in_the_order_they_came(store):
    fraud = build_label(1)
    taken_back = build_label(2, label="legitimate", known_at_us=RECEIVED_AT_US - 5)
    other = build_label(3, "tx-2")
    for label in (fraud, taken_back, other):
        store.label(label).result()
    assert list(store.arrivals()) == [fraud, taken_back, other]


def test_a_label_and_its_status_are_written_together(store):
    store.label(build_label(1), STATUS).result()
    with pytest.raises(ConflictError):
        store.label(build_label(1), replace(STATUS, note="again")).result()
    assert store.statuses_of("default", "tx-1") == (STATUS,)


def test_a_status_needs_no_label(store):
    escalated = replace(STATUS, status="escalated")
    store.set_status(escalated).result()
    store.set_status(escalated).result()
    assert store.statuses_of("default", "tx-1") == (escalated, escalated)
    assert list(store.arrivals()) == []


def test_the_last_place_counts_events_labels_and_backfilled_rows(store):
    places = [store.last_seq()]
    store.register_backfill(BACKFILL).result()
    places.append(store.last_seq())
    record(store, "tx-1", 101)
    places.append(store.last_seq())
    store.label(build_label(102)).result()
    places.append(store.last_seq())
    assert places == [0, 100, 101, 102]


BACKFILL = Backfill("default", digest_bytes(b"file"), "history/a.parquet", 100, 1, 100, 5)


def test_a_backfill_is_registered_once(store):
    store.register_backfill(BACKFILL).result()
    with pytest.raises(ConflictError):
        store.register_backfill(BACKFILL).result()
    assert store.backfills() == (BACKFILL,)


def test_a_release_is_kept_under_its_digest_from_the_first_time_on(store):
    store.keep_release(b'{"a":1}', first_seen_us=1).result()
    store.keep_release(b'{"a":1}', first_seen_us=2).result()
    assert store.find_release(digest_bytes(b'{"a":1}')) == b'{"a":1}'
    assert store.find_release(digest_bytes(b"other")) is None


def test_a_blob_is_kept_under_its_digest(store):
    data = bytes(range(256))
    store.keep_blob(data).result()
    store.keep_blob(data).result()
    assert store.find_blob(digest_bytes(data)) == data
    assert store.find_blob(digest_bytes(b"other")) is None


def test_closing_writes_what_is_waiting_and_opening_again_finds_it(location):
    store = Store.open(location)
    events = [build_event(f"tx-{i}") for i in range(300)]
    decisions = [build_decision(e, seq=i + 1) for i, e in enumerate(events)]
    for decision, event in zip(decisions, events, strict=True):
        store.record(decision, event)
    store.close()
    again = Store.open(location)
    assert list(again.decisions()) == decisions
    again.close()


def test_a_second_writer_is_refused_and_told_who_writes(store, location):
    with pytest.raises(StoreLockedError, match=f"Process {os.getpid()} writes"):
        Store.open(location)


def test_a_closed_record_can_be_written_by_another(location):
    Store.open(location).close()
    again = Store.open(location)
    decision = record(again, "tx-1", 1)
    assert again.find_decision("default", "tx-1") == decision
    again.close()


def test_a_reader_beside_the_writer_sees_each_commit_and_writes_nothing(store, location):
    reader = Store.open(location, read_only=True)
    decision = record(store, "tx-1", 1)
    assert reader.find_decision("default", "tx-1") == decision
    with pytest.raises(ConfigurationError, match="read-only"):
        reader.keep_blob(b"")
    reader.close()


def test_reading_a_record_that_is_not_there_makes_none(location):
    with pytest.raises(ConfigurationError, match="no record"):
        Store.open(location, read_only=True)
    assert not location.exists()


def test_a_record_of_an_unknown_kind_of_database_is_refused():
    with pytest.raises(ConfigurationError, match="mysql://"):
        Store.open("mysql://user@host/record")
