"""A replay proves what was recorded, whatever the machine does meanwhile, and no more than it says."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from sentinel_core.clock import FixedClock
from sentinel_core.engine.backtest import run_backtest
from sentinel_core.events.table import parse_events
from tests.support.model_pipelines import model_release, write_model
from tests.support.pipelines import NOW_US, open_engine, payment


class BusyClock(FixedClock):
    """A clock on which, once it is busy, every reading is a second after the one before."""

    busy = False

    def elapsed_ns(self):
        if self.busy:
            self.put(self.now_us() + 1_000_000)
        return self.now_us() * 1000


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts") / "model"


@pytest.fixture(scope="module")
def model(artifact):
    return write_model(artifact)


def test_a_signal_that_was_in_time_is_not_late_in_its_replay(tmp_path, artifact, model):
    clock = BusyClock(NOW_US)
    release = model_release(artifact, model, deadline_ms=5)
    engine = open_engine(tmp_path, release=release, clock=clock)
    decision = asyncio.run(engine.decide(payment("e1")))
    clock.busy = True
    replay = asyncio.run(engine.replay("default", decision.id))
    engine.close()
    assert decision.signals[0].status == "ok"
    assert (replay.equal, replay.proved, replay.differences) == (True, "bits", ())


def test_a_signal_that_was_late_is_late_in_its_replay(tmp_path, artifact, model):
    clock = BusyClock(NOW_US)
    release = model_release(artifact, model, deadline_ms=5)
    engine = open_engine(tmp_path, release=release, clock=clock)
    clock.busy = True
    decision = asyncio.run(engine.decide(payment("e1")))
    clock.busy = False
    replay = asyncio.run(engine.replay("default", decision.id))
    engine.close()
    assert decision.signals[0].status == "late"
    assert (replay.equal, replay.proved, replay.differences) == (True, "bits", ())


def test_a_backtest_has_no_model_that_is_late(tmp_path, artifact, model):
    clock = BusyClock(NOW_US)
    engine = open_engine(
        tmp_path, release=model_release(artifact, model, deadline_ms=5), clock=clock
    )
    clock.busy = True
    table = pa.table(
        {
            "id": ["e1"],
            "type": ["Transaction"],
            "occurred_at": pa.array([NOW_US], pa.timestamp("us", tz="UTC")),
            "card": ["c1"],
            "terminal": ["t1"],
            "amount": [10.0],
            "currency": ["EUR"],
        }
    )
    result = run_backtest(engine._decider.arms.stable, parse_events(table), None, clock)
    engine.close()
    assert "UNSCORED" not in result.levels
