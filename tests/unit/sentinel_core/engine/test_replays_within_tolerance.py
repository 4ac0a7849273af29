"""Where a model's bits may differ, a replay forgives those bits and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc.aio
import numpy as np
import pytest

from sentinel_core.clock import SystemClock
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.replay import replay_decision
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import build_response, parse_outputs
from sentinel_core.store import Store
from tests.support.model_pipelines import model_release, write_model
from tests.support.oip_servers import model_server, scripted_server
from tests.support.pipelines import open_engine, payment

VELOCITY = {"curves": [{"feature": "card_count_1h", "points": [[1, 0.1], [10, 1]]}]}
NAMES = ("away", "here", "velocity")
AWAY, HERE, VELOCITY_AT = range(3)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts") / "model"


@pytest.fixture(scope="module")
def model(artifact):
    return write_model(artifact)


def release_of_two(artifact, model, url):
    """A pipeline with one model at its server and one in the decision server."""
    release = model_release(
        artifact, model, name="away", grpc_url=url, signals={"velocity": VELOCITY}
    )
    away = release.models[0]
    here = away.model_copy(update={"name": "here", "placement": "Inline", "grpc_url": None})
    weights = {"away": 0.5, "here": 0.5, "velocity": 0.5, "rules": 1.0}
    fusion = {"method": "NoisyOr", "weights": weights}
    return release.model_copy(update={"models": (away, here), "fusion": fusion})


def relaying(url, drift):
    """Answer as the server of a URL does, each output moved by its share of a drift."""

    async def answer(request):
        async with grpc.aio.insecure_channel(url) as channel:
            given = await GRPCInferenceServiceStub(channel).ModelInfer(request)
        outputs = {
            name: (values * np.float32(1 + drift)).astype(np.float32)
            for name, values in parse_outputs(given).items()
        }
        return build_response(given.model_name, given.model_version, outputs)

    return answer


class Recorded:
    """A decision on its way to being replayed, and all that a replay takes."""

    def __init__(self, folder, decision):
        self.decision = decision
        store = Store.open(folder / "state" / "record.db", read_only=True)
        loader = Loader(folder / "state" / "artifacts", store, SystemClock())
        self.release = loader.load_recorded(decision.release_digest)
        self.event = store.find_event("default", decision.event_id).event()
        store.close()

    def replayed(self, **changes):
        changed = replace(self.decision, **changes)
        return replay_decision(self.release, changed, self.event, SystemClock())

    def with_signal(self, index, runtime, **changes):
        signals = list(self.decision.signals)
        signals[index] = replace(signals[index], **changes)
        return self.replayed(signals=tuple(signals), runtime=self.decision.runtime | runtime)

    def with_reason(self, source, **changes):
        reasons = list(self.decision.reasons)
        index = next(n for n, reason in enumerate(reasons) if reason.source == source)
        reasons[index] = replace(reasons[index], **changes)
        return self.replayed(reasons=tuple(reasons))


def record(folder, artifact, model, *, drift=0.0, explain=True):
    async def run():
        async with model_server(model) as url, scripted_server(relaying(url, drift)) as server:
            release = release_of_two(artifact, model, server.url)
            engine = open_engine(folder, release=release, clock=SystemClock())
            await engine.connect()
            try:
                await engine.decide(payment("e1"), explain=explain)
                return await engine.decide(payment("e2"), explain=explain)
            finally:
                await engine.finish()
                engine.close()

    return Recorded(folder, asyncio.run(run()))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, artifact, model):
    return record(tmp_path_factory.mktemp("record"), artifact, model)


@pytest.mark.parametrize("explain", [True, False])
def test_a_server_with_other_bits_is_forgiven_them(tmp_path, artifact, model, explain):
    replay = record(tmp_path, artifact, model, drift=3e-7, explain=explain).replayed()
    assert (replay.equal, replay.proved, replay.differences) == (True, "tolerance", ())


def test_a_server_with_another_answer_is_not_forgiven_it(tmp_path, artifact, model):
    replay = record(tmp_path, artifact, model, drift=1e-4).replayed()
    assert not replay.equal
    assert replay.differences[0].startswith("signal away was ok, ")


def test_what_nobody_changed_is_equal_to_the_bit(recorded):
    replay = recorded.replayed()
    assert tuple(signal.name for signal in recorded.decision.signals) == NAMES
    assert (replay.equal, replay.proved, replay.differences) == (True, "bits", ())


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (HERE, {"raw": 0.25}),
        (HERE, {"cap": 50.0}),
        (VELOCITY_AT, {"raw": 0.5}),
        (AWAY, {"raw": 0.25}),
        (AWAY, {"cap": 50.0}),
        (AWAY, {"hard_outcome": "review"}),
        (AWAY, {"kind": "behaviour"}),
        (AWAY, {"raw": None}),
    ],
)
@pytest.mark.parametrize("runtime", [{}, {"cpu": "another"}])
def test_a_changed_signal_is_named(recorded, index, changes, runtime):
    replay = recorded.with_signal(index, runtime, **changes)
    assert not replay.equal
    assert replay.differences[0].startswith(f"signal {NAMES[index]} was ok, ")


@pytest.mark.parametrize("source", ["velocity", "here", "away"])
@pytest.mark.parametrize("changes", [{"text": "Another text."}, {"points": 99.0}])
def test_a_changed_reason_is_named(recorded, source, changes):
    replay = recorded.with_reason(source, **changes)
    assert not replay.equal
    assert all(difference.startswith("reason") for difference in replay.differences)


def test_the_reason_of_a_model_elsewhere_is_held_to_its_words_where_it_has_one(
    tmp_path, artifact, model
):
    unexplained = record(tmp_path, artifact, model, drift=3e-7, explain=False)
    replay = unexplained.with_reason("away", text="The model away puts the risk at 0.001 of 1.")
    assert not replay.equal


def test_a_signal_that_was_taken_out_is_named(recorded):
    replay = recorded.replayed(signals=recorded.decision.signals[:-1])
    assert not replay.equal
    assert "2 signals were recorded, 3 came out" in replay.differences
