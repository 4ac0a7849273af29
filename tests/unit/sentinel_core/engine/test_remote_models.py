"""Decisions with a model at its server are those with it here, and are given without it too."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc.aio
import pytest

from sentinel_core.clock import SystemClock
from sentinel_core.errors import ConflictError, StoreUnavailableError
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.release.document import ModelFailure
from sentinel_core.release.projection import read_projection, write_projection
from tests.support.model_pipelines import model_release, write_model
from tests.support.oip_servers import hang, model_server, scripted_server
from tests.support.pipelines import open_engine, payment


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts") / "model"


@pytest.fixture(scope="module")
def model(artifact):
    return write_model(artifact)


@asynccontextmanager
async def engine_with(folder, release):
    engine = open_engine(folder, release=release, clock=SystemClock())
    await engine.connect()
    try:
        yield engine
    finally:
        await engine.finish()
        engine.close()


def content(decision):
    """What does not depend on when and how fast a decision was made."""
    return replace(decision, created_at_us=0, stage_us={}, release_digest="")


EVENTS = [payment(f"e{i}", card=f"c{i % 4}", amount=float(i % 9)) for i in range(40)]


def test_decisions_are_those_of_the_model_in_this_process(tmp_path, artifact, model):
    async def decide(folder, url):
        async with engine_with(folder, model_release(artifact, model, grpc_url=url)) as engine:
            return [await engine.decide(e, explain=n % 3 == 0) for n, e in enumerate(EVENTS)]

    async def run():
        inline = await decide(tmp_path / "inline", None)
        async with model_server(model) as url:
            return inline, await decide(tmp_path / "remote", url)

    inline, remote = asyncio.run(run())
    assert [content(d) for d in remote] == [content(d) for d in inline]
    assert {d.explained for d in remote} == {True, False}
    assert {d.outcome for d in remote} == {"approve", "review"}


def test_a_replay_proves_every_bit_of_what_the_server_said(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url:
            release = model_release(artifact, model, grpc_url=url)
            async with engine_with(tmp_path, release) as engine:
                decisions = [await engine.decide(e, explain=True) for e in EVENTS[:5]]
                return [await engine.replay("default", d.id) for d in decisions]

    replays = asyncio.run(run())
    assert [(r.equal, r.proved, r.differences) for r in replays] == [(True, "bits", ())] * 5


def test_the_kth_arrival_sees_k_minus_1_events_while_the_model_is_asked(tmp_path, artifact, model):
    async def run():
        async with scripted_server(hang) as server:
            release = model_release(artifact, model, grpc_url=server.url, deadline_ms=200)
            async with engine_with(tmp_path, release) as engine:
                same = (payment(f"k{i}", card="one") for i in range(64))
                return await asyncio.gather(*(engine.decide(event) for event in same))

    decisions = asyncio.run(run())
    assert [d.vector[1] for d in decisions] == [float(k) for k in range(64)]
    assert [d.seq for d in decisions] == list(range(1, 65))


def test_an_event_that_comes_three_times_at_once_is_decided_once(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url:
            release = model_release(artifact, model, grpc_url=url)
            async with engine_with(tmp_path, release) as engine:
                event = payment("again")
                first = await asyncio.gather(*(engine.decide(event) for _ in range(3)))
                return [*first, await engine.decide(event)], [*engine.recorded()]

    answers, recorded = asyncio.run(run())
    assert answers == recorded * 4


def test_another_body_is_a_conflict_while_the_model_is_asked(tmp_path, artifact, model):
    async def run():
        async with scripted_server(hang) as server:
            release = model_release(artifact, model, grpc_url=server.url, deadline_ms=200)
            async with engine_with(tmp_path, release) as engine:
                deciding = asyncio.create_task(engine.decide(payment("taken")))
                await asyncio.sleep(0)
                with pytest.raises(ConflictError):
                    await engine.decide(payment("taken", amount=11.0))
                return await deciding

    assert asyncio.run(run()).event_id == "taken"


def test_who_joins_a_decision_in_the_making_waits_no_longer_than_it_may(tmp_path, artifact, model):
    async def run():
        async with scripted_server(hang) as server:
            release = model_release(artifact, model, grpc_url=server.url, deadline_ms=200)
            async with engine_with(tmp_path, release) as engine:
                deciding = asyncio.create_task(engine.decide(payment("joined")))
                await asyncio.sleep(0)
                now_ns = SystemClock().elapsed_ns()
                with pytest.raises(StoreUnavailableError, match="still being made"):
                    await engine.decide(payment("joined"), deadline_ns=now_ns)
                return await deciding

    assert asyncio.run(run()).event_id == "joined"


FAILURES = [
    (ModelFailure(action="Skip"), (0.0, "LOW", "approve")),
    (ModelFailure(action="Score", score=0.9), (90.0, "CRITICAL", "block")),
    (ModelFailure(action="FailClosed"), (85.0, "CRITICAL", "block")),
]


@pytest.mark.parametrize(("on_failure", "expected"), FAILURES)
def test_with_a_server_that_hangs_the_decision_is_the_one_declared_for_that(
    tmp_path, artifact, model, on_failure, expected
):
    decision, replay = asyncio.run(
        decide_while_hung(tmp_path, artifact, model, {"velocity": VELOCITY}, on_failure=on_failure)
    )
    assert (decision.score, decision.level, decision.outcome) == (
        pytest.approx(expected[0]), *expected[1:],
    )  # fmt: skip
    assert (decision.degraded, decision.signals[0].status) == (("signal:fraud",), "late")
    assert (replay.equal, replay.proved, replay.differences) == (True, "bits", ())


def test_an_event_that_no_other_signal_saw_is_left_to_the_failure_policy(tmp_path, artifact, model):
    decision, replay = asyncio.run(decide_while_hung(tmp_path, artifact, model, {}))
    assert (decision.score, decision.level, decision.outcome) == (None, "UNSCORED", "review")
    assert (decision.degraded, replay.equal) == (("signal:fraud",), True)


VELOCITY = {"curves": [{"feature": "card_count_1h", "points": [[5, 0.1], [10, 1]]}]}


async def decide_while_hung(folder, artifact, model, signals, **changes):
    async with scripted_server(hang) as server:
        release = model_release(
            artifact, model, grpc_url=server.url, deadline_ms=20, signals=signals, **changes
        )
        async with engine_with(folder, release) as engine:
            decision = await engine.decide(payment("e1"))
            return decision, await engine.replay("default", decision.id)


def test_a_server_that_is_not_there_fails_and_one_that_comes_is_asked(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url:
            pass
        release = model_release(artifact, model, grpc_url=url)
        async with engine_with(tmp_path, release) as engine:
            return await engine.decide(payment("e1"))

    decision = asyncio.run(run())
    assert (decision.degraded, decision.signals[0].status) == (("signal:fraud",), "failed")


@pytest.mark.parametrize(("budget_ns", "expected_asked"), [(200_000_000, 1), (0, 0)])
def test_the_budget_cuts_the_model_off(tmp_path, artifact, model, budget_ns, expected_asked):
    async def run():
        async with scripted_server(hang) as server:
            release = model_release(artifact, model, grpc_url=server.url)
            async with engine_with(tmp_path, release) as engine:
                deadline_ns = SystemClock().elapsed_ns() + budget_ns
                return await decide_at_last(engine, payment("e1"), deadline_ns), server.asked

    decision, asked = asyncio.run(run())
    assert (decision.signals[0].status, asked) == ("late", expected_asked)


async def decide_at_last(engine, event, deadline_ns):
    """Decide within a deadline, which the disk may not keep, and then without one."""
    while True:
        try:
            return await engine.decide(event, deadline_ns=deadline_ns)
        except StoreUnavailableError:
            deadline_ns = None
            await asyncio.sleep(0)


def test_whoever_gives_up_waiting_leaves_the_decision_to_be_recorded(tmp_path, artifact, model):
    async def run():
        async with scripted_server(hang) as server:
            release = model_release(artifact, model, grpc_url=server.url, deadline_ms=100)
            async with engine_with(tmp_path, release) as engine:
                deciding = asyncio.create_task(engine.decide(payment("e1")))
                await asyncio.sleep(0)
                deciding.cancel()
                await engine.finish()
                return await engine.decide(payment("e1")), server.asked

    decision, asked = asyncio.run(run())
    assert (decision.seq, asked) == (1, 1)


def test_without_contributions_the_reasons_stay_those_of_signals(tmp_path, artifact, model):
    """The server scores, but does not say why."""

    async def run():
        async with model_server(model) as url, scripted_server(hang) as server:
            server.answer = _scores_only(url)
            release = model_release(artifact, model, grpc_url=server.url, deadline_ms=1_000)
            async with engine_with(tmp_path, release) as engine:
                burst = [await engine.decide(payment(f"b{i}", card="burst")) for i in range(4)]
                return burst[-1], await engine.replay("default", burst[-1].id)

    decision, replay = asyncio.run(run())
    assert (decision.outcome, decision.explained) == ("review", False)
    assert decision.degraded == ("reasons:fraud",)
    assert (replay.equal, replay.proved) == (True, "bits")


def _scores_only(url):
    async def answer(request):
        if len(request.outputs) > 2:
            return await hang(request)
        async with grpc.aio.insecure_channel(url) as channel:
            return await GRPCInferenceServiceStub(channel).ModelInfer(request)

    return answer


def test_a_batch_asks_for_all_of_its_events_and_keeps_their_order(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url:
            release = model_release(artifact, model, grpc_url=url)
            async with engine_with(tmp_path, release) as engine:
                events = [payment(f"e{i}", card="one") for i in range(200)]
                return await engine.decide_many([*events, events[0]])

    decisions = asyncio.run(run())
    assert [d.vector[1] for d in decisions] == [*map(float, range(200)), 0.0]
    assert {d.signals[0].status for d in decisions} == {"ok"}


def test_a_candidate_waits_until_its_model_is_served(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url, scripted_server(hang, ready=False) as coming:
            stable = model_release(artifact, model, grpc_url=url)
            candidate = model_release(artifact, model, grpc_url=coming.url)
            async with engine_with(tmp_path, stable) as engine:
                write_projection(tmp_path / "release", stable, candidate)
                await engine.take_up(read_projection(tmp_path / "release"))
                before = engine.served()
                coming.ready = True
                await engine.take_up(read_projection(tmp_path / "release"))
                return before, engine.served(), candidate.digest

    before, after, digest = asyncio.run(run())
    assert (before.state, before.candidate, before.reason, before.refused) == (
        "Ready", None, "ModelServerNotReady", None,
    )  # fmt: skip
    assert before.retrying
    assert (after.state, after.candidate, after.reason) == ("Ready", digest, None)


def test_a_candidate_that_serves_stays_when_its_model_s_server_goes(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url, scripted_server(hang) as other:
            stable = model_release(artifact, model, grpc_url=url)
            candidate = model_release(artifact, model, grpc_url=other.url)
            async with engine_with(tmp_path, stable) as engine:
                for ready, percent in ((True, 0), (False, 50)):
                    other.ready = ready
                    write_projection(tmp_path / "release", stable, candidate, percent)
                    await engine.take_up(read_projection(tmp_path / "release"))
                return engine.served(), candidate.digest

    served, digest = asyncio.run(run())
    assert (served.candidate, served.percent) == (digest, 50.0)


def test_connections_go_with_the_release_that_named_their_server(tmp_path, artifact, model):
    async def run():
        async with model_server(model) as url:
            remote = model_release(artifact, model, grpc_url=url)
            inline = model_release(artifact, model)
            async with engine_with(tmp_path, remote) as engine:
                await engine.decide(payment("e1"))
                connected = dict(engine._servers._servers)
                write_projection(tmp_path / "release", inline)
                await engine.take_up(read_projection(tmp_path / "release"))
                await engine.finish()
                return connected[url], engine._servers._servers

    server, left = asyncio.run(run())
    assert (server._is_closed, left) == (True, {})
