from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from sentinel_core.clock import FixedClock
from sentinel_core.decision import Decision, encode
from sentinel_core.engine.decide import HANDED_OVER_AT_ONCE
from sentinel_core.errors import ConflictError, NotFoundError, StoreLockedError
from sentinel_core.store import Store
from sentinel_core.store.pending import Bundle
from sentinel_core.store.writer import Writer
from tests.support.pipelines import NOW_US, RULES, build_release, open_engine, payment


def _count(decision: Decision) -> float | None:
    return decision.vector[0]


def test_the_kth_of_64_concurrent_arrivals_sees_exactly_k_minus_1_events(tmp_path: Path) -> None:
    async def run(card: str) -> list[float | None]:
        events = [payment(f"{card}-{i}", card=card) for i in range(64)]
        decisions = await asyncio.gather(*(engine.decide(event) for event in events))
        return [_count(d) for d in sorted(decisions, key=lambda d: d.seq)]

    engine = open_engine(tmp_path)
    for repeat in range(100):
        assert asyncio.run(run(f"card{repeat}")) == [float(k) for k in range(64)]
    engine.close()


def test_the_same_event_again_gets_the_decision_it_has(tmp_path: Path) -> None:
    async def run() -> None:
        first = await engine.decide(payment("e1"))
        again = await engine.decide(payment("e1"))
        assert encode(first) == encode(again)
        after = await engine.decide(payment("e2"))
        assert _count(after) == 1.0

    engine = open_engine(tmp_path)
    asyncio.run(run())
    engine.close()


def test_another_body_under_a_used_id_is_a_conflict(tmp_path: Path) -> None:
    async def run() -> None:
        await engine.decide(payment("e1"))
        with pytest.raises(ConflictError):
            await engine.decide(payment("e1", amount=11.0))
        assert _count(await engine.decide(payment("e2"))) == 1.0

    engine = open_engine(tmp_path)
    asyncio.run(run())
    engine.close()


def test_ten_thousand_requests_sent_three_times_at_once_make_ten_thousand_decisions(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        for start in range(0, 10_000, 500):
            events = [payment(f"e{i}", card=f"c{i % 97}") for i in range(start, start + 500)]
            answers = await asyncio.gather(*(engine.decide(e) for e in events * 3))
            bodies = [encode(answer) for answer in answers]
            assert bodies[:500] == bodies[500:1000] == bodies[1000:]

    engine = open_engine(tmp_path)
    asyncio.run(run())
    recorded = list(engine.recorded())
    assert len(recorded) == len({d.event_id for d in recorded}) == 10_000
    engine.close()


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what the writer is given in one step; a commit takes that whole."""
    sizes: list[int] = []
    hand_over = Writer.hand_over

    def note_size(writer: Writer, bundle: Bundle) -> None:
        sizes.append(len(bundle))
        hand_over(writer, bundle)

    monkeypatch.setattr(Writer, "hand_over", note_size)
    return sizes


def test_decisions_of_a_batch_share_commits(tmp_path: Path, handed_over: list[int]) -> None:
    engine = open_engine(tmp_path)
    events = [payment(f"e{number}") for number in range(2 * HANDED_OVER_AT_ONCE + 5)]
    decided = asyncio.run(engine.decide_many(events))
    assert [decision.event_id for decision in decided] == [event.id for event in events]
    assert handed_over == [HANDED_OVER_AT_ONCE, HANDED_OVER_AT_ONCE, 5]
    engine.close()


def test_decisions_of_one_turn_of_the_event_loop_share_a_commit(
    tmp_path: Path, handed_over: list[int]
) -> None:
    engine = open_engine(tmp_path)

    async def decide_together() -> None:
        await asyncio.gather(*(engine.decide(payment(f"e{number}")) for number in range(16)))

    asyncio.run(decide_together())
    assert handed_over == [16]
    engine.close()


def test_what_a_batch_has_decided_when_its_caller_goes_is_recorded(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)

    async def decide_and_go() -> int:
        events = [payment(f"e{number}") for number in range(HANDED_OVER_AT_ONCE)]
        batch = asyncio.create_task(engine.decide_many(events))
        await asyncio.sleep(0)  # the turn in which the batch begins
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
        return engine._arrivals.last_seq

    admitted = asyncio.run(decide_and_go())
    assert 0 < admitted < HANDED_OVER_AT_ONCE
    engine.close()
    with closing(Store.open(tmp_path / "state" / "record.db", read_only=True)) as record:
        assert record.decision_count() == admitted


def test_each_recorded_decision_is_counted_with_its_times(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    engine = open_engine(tmp_path, registry=registry)
    asyncio.run(engine.decide_many([payment(f"e{number}") for number in range(5)]))
    sample = registry.get_sample_value
    approved = {"outcome": "approve", "arm": "stable"}
    assert sample("sentinel_decisions_total", approved) == 5
    assert sample("sentinel_decision_seconds_count") == 5
    assert sample("sentinel_stage_seconds_count", {"stage": "rules"}) == 5
    assert sample("sentinel_signals_total", {"status": "ok"}) == 5
    engine.close()


def test_two_equal_payments_with_different_ids_are_two_decisions(tmp_path: Path) -> None:
    async def run() -> None:
        one, other = await engine.decide(payment("a")), await engine.decide(payment("b"))
        assert one.id != other.id
        assert (_count(one), _count(other)) == (0.0, 1.0)

    engine = open_engine(tmp_path)
    asyncio.run(run())
    engine.close()


def test_a_restart_finds_the_same_windows_and_the_same_decisions(tmp_path: Path) -> None:
    async def decide(start: int, stop: int) -> list[Decision]:
        return [await engine.decide(payment(f"e{i}")) for i in range(start, stop)]

    engine = open_engine(tmp_path)
    before = asyncio.run(decide(0, 5))
    engine.close()
    engine = open_engine(tmp_path)
    assert [encode(d) for d in asyncio.run(decide(0, 5))] == [encode(d) for d in before]
    assert _count(asyncio.run(decide(5, 6))[0]) == 5.0
    engine.close()


def test_confirmed_fraud_blocks_the_next_payment_of_the_card_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        await engine.decide(payment("e1"))
        told = await engine.feedback("default", "e1", "confirmed_fraud", note="", author="ann")
        assert (told.label, told.repeated) == ("fraud", False)
        again = await engine.feedback("default", "e1", "confirmed_fraud", note="", author="ann")
        assert again.repeated
        assert (await engine.decide(payment("e2"))).outcome == "block"

    engine = open_engine(tmp_path)
    asyncio.run(run())
    engine.close()
    engine = open_engine(tmp_path)
    assert asyncio.run(engine.decide(payment("e3"))).outcome == "block"
    engine.close()


def test_feedback_about_an_unknown_event_is_refused(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    with pytest.raises(NotFoundError):
        asyncio.run(engine.feedback("default", "e1", "false_positive", note="", author="ann"))
    engine.close()


def test_ten_thousand_decisions_replay_to_the_bit_after_a_restart(tmp_path: Path) -> None:
    async def decide() -> None:
        for start in range(0, 10_000, 500):
            events = [
                payment(f"e{i}", card=f"c{i % 997}", amount=float(i))
                for i in range(start, start + 500)
            ]
            await asyncio.gather(*(engine.decide(event) for event in events))

    async def replay() -> list[tuple[bool, str]]:
        results = [await engine.replay("default", d.id) for d in list(engine.recorded())]
        return [(result.equal, result.proved) for result in results]

    engine = open_engine(tmp_path)
    asyncio.run(decide())
    engine.close()
    engine = open_engine(tmp_path)
    assert asyncio.run(replay()) == [(True, "bits")] * 10_000
    engine.close()


def test_a_decision_replays_under_the_release_that_made_it(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    decision = asyncio.run(engine.decide(payment("e1")))
    engine.close()
    other = build_release(rules=RULES.replace("points: 40", "points: 50"))
    engine = open_engine(tmp_path, release=other)
    assert asyncio.run(engine.replay("default", decision.id)).equal
    assert engine.served().stable == other.digest != decision.release_digest
    engine.close()


def test_a_tampered_record_does_not_replay(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    decision = asyncio.run(engine.decide(payment("e1")))
    engine.close()
    with sqlite3.connect(tmp_path / "state" / "record.db") as database:
        record = database.execute("select record from decisions").fetchone()[0]
        changed = record.replace(b'"outcome":"approve"', b'"outcome":"block"')
        assert changed != record
        database.execute("update decisions set record = ?", (changed,))
    database.close()
    engine = open_engine(tmp_path)
    replay = asyncio.run(engine.replay("default", decision.id))
    assert replay.differences == ("outcome was 'block', is 'approve'",)
    engine.close()


def test_what_a_killed_process_left_of_its_fetches_goes_with_the_next_start(tmp_path: Path) -> None:
    artifacts = tmp_path / "state" / "artifacts"
    for name in (".fetch-k3", f".{64 * 'a'}.x9", 64 * "b"):
        (artifacts / name / "explainer").mkdir(parents=True)
        (artifacts / name / "explainer" / "artifact.tar").write_bytes(b"cut off")
    open_engine(tmp_path).close()
    assert [path.name for path in artifacts.iterdir()] == [64 * "b"]


def test_a_process_that_may_not_serve_leaves_the_fetches_of_the_other_alone(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    coming = tmp_path / "state" / "artifacts" / ".fetch-k3"
    coming.mkdir(parents=True)
    with pytest.raises(StoreLockedError):
        open_engine(tmp_path)
    engine.close()
    assert coming.is_dir()


def test_only_one_process_serves_a_state_directory(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    with pytest.raises(StoreLockedError):
        open_engine(tmp_path)
    engine.close()


def test_an_event_more_than_an_hour_late_is_decided_and_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        await engine.decide(payment("e1"))
        late = await engine.decide(payment("e2", occurred_at="2018-08-29T10:59:59Z"))
        on_time = await engine.decide(payment("e3", occurred_at="2018-08-29T11:00:00Z"))
        assert (late.degraded, on_time.degraded) == (("late",), ())

    engine = open_engine(tmp_path, clock=FixedClock(NOW_US))
    asyncio.run(run())
    engine.close()
