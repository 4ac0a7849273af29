"""Durable decisions over HTTP: the real Bento on one core, the load on another.

The server decides the card-payments sample over the history of the stream and records in SQLite with
a full sync a commit. Beside it stand the same server's ``/health``, which costs what the HTTP layer
costs, and a bare loop of SQLite commits on the same disk. Its time budgets are set so wide that
nothing is refused: what is measured is how long answers take.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from sentinel_bentos.build import find_or_build
from sentinel_bentos.manifests import StateFolders, project
from sentinel_core.release import compile_manifest
from tests.bench.bench_store import measure_bare_commits
from tests.bench.card_payments import NOW_US, CardPayments
from tests.bench.load import get, post, send_all
from tests.bench.processes import MIB, cpu_seconds_of, pinned, rss_bytes, tree
from tests.bench.record import Limit, Measured
from tests.bench.timing import median_of
from tests.support.decision_server import RunningServer, serve, wait_until_ready

ROUNDS = 3
REQUESTS = {1: 1000, 16: 4000, 64: 4000}
"""Requests of a round, by connections."""
BATCHES = {100: 20, 1000: 4}
"""Batches of a round, by events of each."""
HEALTH_REQUESTS = 4000
BARE_COMMITS = 1000
BATCH_GAIN = 5.0
"""Least throughput per row of a batch over single requests, one caller each."""

SCORE, BATCH, HEALTH = "/api/v1/score", "/api/v1/score/batch", "/api/v1/health"


def measure() -> Measured:
    """Serve, then measure rounds; report their medians."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        payments = CardPayments.prepare(folder)
        folders = StateFolders(folder / "state")
        project(compile_manifest(payments.manifests), payments.manifests, folders)
        history = payments.write_history(folder / "history", until_us=NOW_US)
        bento, _ = find_or_build(folders.bentoml_home)
        bodies = _bodies(payments)
        server_core, load_core = sorted(os.sched_getaffinity(0))[:2]
        with ExitStack() as stack:
            with pinned(server_core):
                bare = measure_bare_commits(folder / "bare.db", BARE_COMMITS)
                started = time.perf_counter()
                serving = serve(
                    bento, folders.bentoml_home, folders.state,
                    releases=folders.releases, SENTINEL_HISTORY=str(history),
                )  # fmt: skip
                server = stack.enter_context(serving)
            stack.enter_context(pinned(load_core))
            wait_until_ready(server)
            ready_seconds = time.perf_counter() - started
            return _measured(server, bodies, bare, ready_seconds)


def _measured(
    server: RunningServer, bodies: Iterator[bytes], bare: dict[str, Any], ready_seconds: float
) -> Measured:
    _round(server, bodies)  # warm up
    rounds = [_round(server, bodies) for _ in range(ROUNDS)]
    figures = median_of(rounds)
    pids = list(tree(server.process._process.pid))
    figures["bare_sqlite_commits"] = bare
    figures["ready_seconds"] = round(ready_seconds, 1)
    figures["rss_mib"] = round(sum(map(rss_bytes, pids)) / MIB)
    figures["rounds"] = ROUNDS
    single, gain = figures["score"], "batch_rows_over_single"
    ratios = {
        gain: figures["batch"]["100"]["rows_per_second"] / single["1"]["per_second"],
        f"{gain}_of_1000": figures["batch"]["1000"]["rows_per_second"] / single["1"]["per_second"],
        "score_over_health_c16": single["16"]["per_second"] / figures["health"]["16"]["per_second"],
        "score_over_bare_commits_c16": single["16"]["per_second"] / bare["commits_per_second"],
    }
    errors = sum(
        one["errors"]
        for part in rounds
        for name in ("score", "health", "batch")
        for one in part[name].values()
    )
    limits = {
        "errors": Limit(errors, 0),
        gain: Limit(round(ratios[gain], 2), BATCH_GAIN, "at least"),
    }
    return Measured(figures, limits, ratios)


def _bodies(payments: CardPayments) -> Iterator[bytes]:
    """Return more payments than all rounds send, each as a client writes it."""
    rows = sum(REQUESTS.values()) + sum(size * count for size, count in BATCHES.items())
    events = payments.payments_after(NOW_US, rows * (ROUNDS + 1))
    return iter([json.dumps(event.body).encode() for event in events])


def _round(server: RunningServer, bodies: Iterator[bytes]) -> dict[str, Any]:
    """Take turns, so that all see the same machine."""
    score, health, batch = {}, {}, {}
    for concurrency, count in REQUESTS.items():
        singles = [post(SCORE, body) for body in islice(bodies, count)]
        score[str(concurrency)] = _figures(server, singles, concurrency)
        health[str(concurrency)] = _figures(server, [get(HEALTH)] * HEALTH_REQUESTS, concurrency)
    for size, count in BATCHES.items():
        batches = [post(BATCH, _batch(list(islice(bodies, size)))) for _ in range(count)]
        batch[str(size)] = _per_row(_figures(server, batches, 1), size, count)
    return {"score": score, "health": health, "batch": batch}


def _per_row(found: dict[str, Any], size: int, count: int) -> dict[str, Any]:
    """Turn figures of batches into figures of their events; one that was not decided is an error."""
    return found | {
        "errors": size * count - found["decided"],
        "rows_per_second": round(found["per_second"] * size, 1),
        "server_cpu_us": round(found["server_cpu_us"] / size, 1),
    }


def _batch(bodies: Sequence[bytes]) -> bytes:
    assert bodies
    return b'{"events": [' + b", ".join(bodies) + b"]}"


def _figures(server: RunningServer, requests: Sequence[bytes], concurrency: int) -> dict[str, Any]:
    """Send requests; add the server's processor time for each, or for each row of a batch."""
    pids = list(tree(server.process._process.pid))
    used = cpu_seconds_of(pids)
    load = send_all(server.addresses.port, requests, concurrency)
    used = cpu_seconds_of(pids) - used
    return load.figures() | {
        "server_cpu_us": round(used / len(requests) * 1e6, 1),
        "decided": sum(body.count(b'"event_id"') for body in load.bodies),
    }
