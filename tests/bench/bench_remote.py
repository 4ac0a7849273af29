"""A model at its server: what the call adds to a decision, and what a server that hangs costs.

The decision engine runs in this process on one core; the model server is the real Bento on another,
and is stopped by a signal to make it hang, so that its connection stays open and nothing answers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import uvloop

from sentinel_bentos.build import find_or_build
from sentinel_core.clock import SystemClock
from sentinel_core.engine.engine import Engine
from sentinel_core.events import Event
from sentinel_core.release.document import Release
from tests.bench.processes import tree
from tests.bench.record import Limit, Measured
from tests.bench.timing import median_of, percentiles_us
from tests.support.model_pipelines import model_release, write_model
from tests.support.model_server import (
    RunningModelServer,
    assigned,
    serve_model,
    wait_until_served,
)
from tests.support.pipelines import open_engine, payment

ROUNDS = 3
CALLS = {1: 1000, 16: 3200}
"""Decisions of a round, by how many are under way at once."""
HUNG_CALLS = {1: 150, 16: 800}
DEADLINE_MS = 10
MAX_OVER_DEADLINE_MS = 10.0
"""Beyond the model's deadline a durable decision may come this much later, one at a time. With 16 at
once, all of them cut off at the same moment, those that come last wait for the others' work."""

Decide = Callable[[Event], Awaitable[Any]]


def measure() -> Measured:
    """Decide inline, remotely, and with a server that hangs, in turns; report medians of rounds."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        model = write_model(folder / "artifact")
        bento, _ = find_or_build(folder / "bentoml", "model")
        engine_core, server_core = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(0, {server_core})
        artifact = assigned(folder / "artifact", model.digest)
        with serve_model(bento, folder / "bentoml", folder / "model", artifact) as server:
            wait_until_served(server, model.digest)
            os.sched_setaffinity(0, {engine_core})
            url = f"dns:///127.0.0.1:{server.grpc_port}"
            place = {"Inline": None, "Remote": url}
            releases = {
                name: model_release(
                    folder / "artifact", model, grpc_url=at, deadline_ms=DEADLINE_MS
                )
                for name, at in place.items()
            }
            rounds = uvloop.run(_rounds(folder, releases, server))
    figures = median_of(rounds)
    over = figures["hung"]["1"]["over_deadline_p99_ms"]
    late = sum(one["remote"][c]["not_ok"] for one in rounds for c in one["remote"])
    ratios = {
        f"remote_over_inline_p50_c{c}": figures["remote"][c]["p50_us"]
        / figures["inline"][c]["p50_us"]
        for c in figures["inline"]
    }
    limits = {"hung_over_deadline_p99_ms_c1": Limit(over, MAX_OVER_DEADLINE_MS)}
    return Measured(figures | {"rounds": ROUNDS, "late_of_answering_server": late}, limits, ratios)


async def _rounds(
    folder: Path, releases: dict[str, Release], server: RunningModelServer
) -> list[dict[str, Any]]:
    async with (
        _engine(folder / "inline", releases["Inline"]) as inline,
        _engine(folder / "remote", releases["Remote"]) as remote,
    ):
        await _round("warm", inline, remote, server)
        return [await _round(str(n), inline, remote, server) for n in range(ROUNDS)]


@asynccontextmanager
async def _engine(folder: Path, release: Release) -> AsyncIterator[Engine]:
    engine = open_engine(folder, release=release, clock=SystemClock())
    await engine.connect()
    try:
        yield engine
    finally:
        await engine.finish()
        engine.close()


async def _round(
    name: str, inline: Engine, remote: Engine, server: RunningModelServer
) -> dict[str, Any]:
    found: dict[str, Any] = {"inline": {}, "remote": {}, "hung": {}}
    for concurrency, count in CALLS.items():
        for kind, engine in (("inline", inline), ("remote", remote)):
            events = _events(f"{name}-{kind}-{concurrency}", count)
            times_ns, statuses = await _decide_all(engine, events, concurrency)
            found[kind][str(concurrency)] = percentiles_us(times_ns) | {
                "not_ok": sum(status != "ok" for status in statuses)
            }
    for pid in tree(server.pid):
        os.kill(pid, signal.SIGSTOP)
    try:
        for concurrency, count in HUNG_CALLS.items():
            events = _events(f"{name}-hung-{concurrency}", count)
            times_ns, statuses = await _decide_all(remote, events, concurrency)
            assert set(statuses) == {"late"}, set(statuses)
            found["hung"][str(concurrency)] = _over_deadline(times_ns)
    finally:
        for pid in tree(server.pid):
            os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(0.5)  # until the server has answered what nobody waits for any more
    return found


def _events(name: str, count: int) -> list[Event]:
    # A card each, so that no rule holds and no decision needs a second question.
    return [payment(f"{name}-{n}", card=f"{name}-{n}") for n in range(count)]


async def _decide_all(
    engine: Engine, events: Sequence[Event], concurrency: int
) -> tuple[list[int], list[str]]:
    waiting = iter(events)
    times_ns: list[int] = []
    statuses: list[str] = []

    async def decide() -> None:
        for event in waiting:
            start_ns = perf_counter_ns()
            decision = await engine.decide(event)
            times_ns.append(perf_counter_ns() - start_ns)
            statuses.append(decision.signals[0].status)

    await asyncio.gather(*(decide() for _ in range(concurrency)))
    return times_ns, statuses


def _over_deadline(times_ns: list[int]) -> dict[str, float]:
    over_ms = sorted(one / 1e6 - DEADLINE_MS for one in times_ns)
    return {
        "over_deadline_p50_ms": round(over_ms[len(over_ms) // 2], 2),
        "over_deadline_p99_ms": round(over_ms[len(over_ms) * 99 // 100], 2),
        "over_deadline_max_ms": round(over_ms[-1], 2),
    }
