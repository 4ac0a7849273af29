"""Decide the next payments in process, over entity logs that hold the stream up to a Wednesday noon.

Stages are those of a recorded decision (signals, rules and fusion in whole microseconds, rounded down,
as the record has them); the payments are the stream's own, so each round sees other ones. Beside the
model stage stands a bare call of ONNX Runtime on the same row.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sentinel_core.artifacts.onnx_check import OUTPUTS
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.clock import SystemClock
from sentinel_core.decision import encode
from sentinel_core.engine.arrivals import Arrivals
from sentinel_core.engine.assess import assess, explain
from sentinel_core.engine.judge import Admitted, judge_here
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.observe import Observer
from sentinel_core.events import Event, parse_event
from sentinel_core.features.kernel import Vector
from sentinel_core.store import Store
from tests.bench.card_payments import NOW_US, CardPayments
from tests.bench.record import Limit, Measured
from tests.bench.timing import median_of, percentiles_us, time_each

ROUNDS = 5
PAYMENTS = 2000
"""A round: a fifth of a day of the stream."""
EXPLAINED = 200
DECIDED_P50_US = 300.0
"""Features, signals, rules and fusion without I/O."""
MODEL_P99_US = 50.0

CLOCK = SystemClock()


class Stages:
    """Nanoseconds of each stage of each payment of a round."""

    def __init__(self) -> None:
        self.times_ns: dict[str, list[int]] = {}
        self.vectors: list[Vector] = []

    def decide(self, release: LoadedRelease, observer: Observer, event: Event) -> None:
        """Do steps 3 to 7, and note how long each took."""
        now = time.perf_counter_ns
        started_ns = now()
        observation = observer.observe(event.tenant, event.occurred_at_us, event.fields)
        vector = observation.vectors[release.spec.digest]
        observed_ns = now()
        assessment = assess(release, event.fields, vector, at_us=event.received_at_us, clock=CLOCK)
        assessed_ns = now()
        explain(release, assessment, vector, with_contributions=False)
        explained_ns = now()
        self._note("features", observed_ns - started_ns)
        for stage, took_us in assessment.stage_us.items():
            self._note(stage, took_us * 1000)
        self._note("features_to_fusion", assessed_ns - started_ns)
        self._note("reasons", explained_ns - assessed_ns)
        self._note("in_all", explained_ns - started_ns)
        self.vectors.append(vector)

    def _note(self, stage: str, took_ns: int) -> None:
        self.times_ns.setdefault(stage, []).append(took_ns)

    def figures(self) -> dict[str, Any]:
        return {stage: percentiles_us(times_ns) for stage, times_ns in self.times_ns.items()}


def measure() -> Measured:
    """Measure rounds of payments; report the median of the rounds."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        payments = CardPayments.prepare(folder)
        history = payments.write_history(folder / "history", until_us=NOW_US)
        store = Store.open(folder / "record.db")
        try:
            release = payments.load_release(folder, store, CLOCK)
            arrivals = Arrivals.rebuild(store, [release.spec], history, CLOCK)
            model = payments.read_artifact().model
            return _measure(payments, release, arrivals.observer, model)
        finally:
            store.close()


def _measure(
    payments: CardPayments, release: LoadedRelease, observer: Observer, model: bytes
) -> Measured:
    events = list(payments.payments_after(NOW_US, (ROUNDS + 1) * PAYMENTS))
    # As the server does it after loading: what is loaded is not walked by later collections.
    gc.collect()
    gc.freeze()
    rounds = []
    for number in range(ROUNDS + 1):
        part = events[number * PAYMENTS : (number + 1) * PAYMENTS]
        rounds.append(_round(release, observer, part, model))
    figures = median_of(rounds[1:])  # the first warms up
    whole, bare = figures["model_predict_one"], figures["bare_onnxruntime"]
    decided = figures["features_to_fusion"]
    figures["payments"] = ROUNDS * PAYMENTS
    figures["entities"] = len(observer.state.logs)
    figures["features_count"] = len(release.spec.names)
    return Measured(
        figures,
        limits={
            "features_to_fusion_p50_us": Limit(decided["p50_us"], DECIDED_P50_US),
            "model_predict_one_p99_us": Limit(whole["p99_us"], MODEL_P99_US),
        },
        ratios={
            "features_to_fusion_p50_over_limit": decided["p50_us"] / DECIDED_P50_US,
            "model_p50_over_bare_onnxruntime": whole["p50_us"] / bare["p50_us"],
            "model_p99_over_bare_onnxruntime": whole["p99_us"] / bare["p99_us"],
        },
    )


def _round(
    release: LoadedRelease, observer: Observer, events: Sequence[Event], model: bytes
) -> dict[str, Any]:
    bodies = [json.dumps(event.body).encode() for event in events]
    stages = Stages()
    half = len(events) // 2
    for event in events[:half]:
        stages.decide(release, observer, event)
    return stages.figures() | {
        **_model_figures(release, stages.vectors, model),
        **_explained_figures(release, events[:EXPLAINED], stages.vectors),
        **_around_figures(release, observer, events[half:], bodies[half:]),
    }


def _model_figures(
    release: LoadedRelease, vectors: Sequence[Vector], model: bytes
) -> dict[str, Any]:
    """Time the model beside a bare session; they take turns, so both see the same machine.

    Each has another row's turn: the second to score a row would find the row's tree nodes in the cache.
    """
    loaded = release.models[0].model
    columns = [release.spec.names.index(name) for name in loaded.manifest.feature_names]
    rows = np.array(vectors, dtype=np.float32)[:, columns]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    ours_ns, bare_ns = [], []
    for row, other in zip(rows, np.roll(rows, len(rows) // 2, axis=0), strict=True):
        ours_ns += time_each(loaded.predict_one, [row])
        bare_ns += time_each(lambda r: session.run(OUTPUTS, {entry: r}), [other.reshape(1, -1)])
    return {
        "model_predict_one": percentiles_us(ours_ns),
        "bare_onnxruntime": percentiles_us(bare_ns),
    }


def _explained_figures(
    release: LoadedRelease, events: Sequence[Event], vectors: Sequence[Vector]
) -> dict[str, Any]:
    """Time the contributions, which outcomes above approve always have."""
    at_us = events[0].received_at_us
    assessed = [
        (assess(release, event.fields, vector, at_us=at_us, clock=CLOCK), vector)
        for event, vector in zip(events, vectors, strict=False)
    ]
    times_ns = time_each(lambda one: explain(release, *one, with_contributions=True), assessed)
    return {"reasons_with_contributions": percentiles_us(times_ns)}


def _around_figures(
    release: LoadedRelease, observer: Observer, events: Sequence[Event], bodies: Sequence[bytes]
) -> dict[str, Any]:
    """Time the engine's whole step, and what stands before and behind it on the way of a request."""
    decisions = []

    def decide(event: Event) -> None:
        started_ns = CLOCK.elapsed_ns()
        seen = observer.observe(event.tenant, event.occurred_at_us, event.fields)
        admitted = Admitted(
            event=event, observation=seen, arm="stable", release=release, seq=1, explain=False,
            started_ns=started_ns, observed_ns=CLOCK.elapsed_ns(),
        )  # fmt: skip
        decisions.append(judge_here(admitted, CLOCK))

    received_at_us = events[-1].received_at_us
    fresh = [replace(event) for event in events]  # body, digest and fields are to be made again
    return {
        "parse": percentiles_us(
            time_each(
                lambda body: parse_event(body, tenant="default", received_at_us=received_at_us),
                bodies,
            )
        ),
        "observe_and_build_decision": percentiles_us(time_each(decide, fresh)),
        "encode_record": percentiles_us(time_each(encode, decisions)),
    }
