"""Durable commits a second, and what a look-up costs.

Callers on one event loop record decisions one after the other (closed loop), each waiting for its own
to be on the disk. Beside it the limit of the machine: one bare SQLite commit of the same bytes after
the other, as `sqlite3` alone does it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from sentinel_core.decision import encode
from sentinel_core.ids import canonical_json
from sentinel_core.store import Store
from tests.bench.record import Measured
from tests.bench.timing import median_of
from tests.support.decisions import build_decision, build_event

CONCURRENCIES = (1, 16, 64)
DEADLINE_NS = 10_000_000_000
ROWS = 8000
"""Decisions of a concurrency above 1."""
ROUNDS = 3


def describe_us(seconds: list[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100)
    return {"p50_us": round(cuts[49] * 1e6, 1), "p99_us": round(cuts[98] * 1e6, 1)}


def measure_commits(path: Path, concurrency: int, rows: int) -> dict[str, Any]:
    groups: list[int] = []
    events = [build_event(f"tx-{i}") for i in range(rows)]
    decisions = [build_decision(event, seq=i + 1) for i, event in enumerate(events)]
    store = Store.open(path, on_commit=groups.append)
    seconds: list[float] = []

    async def call(turns: Any) -> None:
        for i in turns:
            begin = time.perf_counter()
            deadline_ns = time.perf_counter_ns() + DEADLINE_NS
            await store.record(decisions[i], events[i], deadline_ns=deadline_ns)
            seconds.append(time.perf_counter() - begin)

    async def call_all() -> float:
        turns = iter(range(rows))
        begin = time.perf_counter()
        await asyncio.gather(*(call(turns) for _ in range(concurrency)))
        return time.perf_counter() - begin

    elapsed_seconds = asyncio.run(call_all())
    store.close()
    return {
        "concurrency": concurrency,
        "decisions": rows,
        "decisions_per_second": round(rows / elapsed_seconds),
        "commits_per_second": round(len(groups) / elapsed_seconds),
        "group_mean": round(fmean(groups), 1),
        "group_max": max(groups),
        **describe_us(seconds),
    }


def measure_bare_commits(path: Path, rows: int) -> dict[str, Any]:
    event = build_event()
    body, record = canonical_json(event.body), encode(build_decision(event))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (seq INTEGER PRIMARY KEY, body BLOB, record BLOB)")
    seconds = []
    for i in range(rows):
        begin = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare VALUES (?, ?, ?)", (i, body, record))
        connection.execute("COMMIT")
        seconds.append(time.perf_counter() - begin)
    connection.close()
    return {"commits_per_second": round(rows / sum(seconds)), **describe_us(seconds)}


def measure_call_us(call: Callable[[], object], repeats: int) -> dict[str, float]:
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return describe_us(seconds)


def measure_reads(path: Path, repeats: int) -> dict[str, Any]:
    """Read from what `measure_commits` wrote."""
    store = Store.open(path, read_only=True)
    try:
        begin = time.perf_counter()
        rows = sum(1 for _ in store.arrivals())
        elapsed_seconds = time.perf_counter() - begin
        return {
            "rows": rows,
            "find_unknown": measure_call_us(lambda: store.find_decision("default", "x"), repeats),
            "find_known": measure_call_us(lambda: store.find_decision("default", "tx-9"), repeats),
            "arrivals_per_second": round(rows / elapsed_seconds),
        }
    finally:
        store.close()


def measure_round(folder: Path) -> dict[str, Any]:
    """Measure on fresh records, ours and the bare one in turn."""
    folder.mkdir()
    commits = {
        str(c): measure_commits(folder / f"record-{c}.db", c, ROWS // (4 if c == 1 else 1))
        for c in CONCURRENCIES
    }
    return {
        "bare_sqlite": measure_bare_commits(folder / "bare.db", ROWS // 4),
        "record": commits,
        "reads": measure_reads(folder / f"record-{CONCURRENCIES[-1]}.db", ROWS // 2),
    }


def measure() -> Measured:
    """Measure rounds; report their medians."""
    with tempfile.TemporaryDirectory() as folder:
        figures = median_of([measure_round(Path(folder) / str(n)) for n in range(ROUNDS)])
    bare = figures["bare_sqlite"]["commits_per_second"]
    ratios = {
        f"decisions_c{c}_over_bare_commits": one["decisions_per_second"] / bare
        for c, one in figures["record"].items()
    }
    return Measured(figures | {"sqlite": sqlite3.sqlite_version}, ratios=ratios)
