"""What the entity logs cost: bytes of an entity, events of a hot key, and a start with history."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from sentinel_core.clock import HOUR_US
from sentinel_core.engine.observe import Observer
from sentinel_core.features import FeatureSpec
from sentinel_core.features.layouts import build_layouts
from sentinel_core.state import FeatureIs, LogLayout, MemoryState
from sentinel_core.state.layout import LATENESS_US
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from tests.bench.card_payments import END_US, NOW_US, SAMPLE, CardPayments
from tests.bench.processes import run_watched
from tests.bench.record import Limit, Measured
from tests.bench.timing import percentiles_us, time_each

ENTITIES = {10: 2000, 100: 500, 1000: 50}
"""Entities to fill, by events of each."""
SPREAD_US = 20 * HOUR_US
"""Time over which an entity's events stand: within every kind's retention, so that none is trimmed."""
HOT_EVENTS = 50_000
HOT_SPREAD_US = HOUR_US
"""Time over which they stand: every window of an hour or more holds all of them."""
TIMED = 500
START_SECONDS = 20.0
START_PEAK_MIB = 1024.0


def measure() -> Measured:
    """Measure in this process, but the start in one of its own."""
    spec = load_pipeline_spec(SAMPLE)
    start = _start()
    return Measured(
        {
            "bytes_per_entity": {
                kind: {str(events): _bytes_per_entity(layout, events) for events in ENTITIES}
                for kind, layout in build_layouts(spec).items()
            },
            "hot_key": _hot_key(spec),
            "start": start,
        },
        limits={
            "start_seconds": Limit(start["process_seconds"], START_SECONDS),
            "start_peak_rss_mib": Limit(start["peak_rss_mib"], START_PEAK_MIB),
        },
        ratios={
            "start_seconds_over_limit": start["process_seconds"] / START_SECONDS,
            "start_peak_rss_over_limit": start["peak_rss_mib"] / START_PEAK_MIB,
        },
    )


def _bytes_per_entity(layout: LogLayout, events: int) -> int:
    """Fill logs of one kind alone and see what was allocated, the strings of the events included."""
    count = ENTITIES[events]
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    state = MemoryState({layout.entity_kind: layout})
    for number in range(count):
        for turn in range(events):
            time_us = NOW_US + turn * SPREAD_US // events
            fields = _fields(number, turn) | {layout.entity_kind: f"entity-{number}"}
            logs = state.logs_of("default", fields)
            state.admit(logs, time_us, fields, _usual)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state.logs) == count
    return round((after - before) / count)


def _fields(number: int, turn: int) -> dict[str, Any]:
    """Return a payment's fields; every one comes with strings of its own, as over HTTP."""
    return {
        "card": f"card-{number}-{turn}",
        "terminal": f"terminal-{number}-{turn % 40}",
        "device": f"device-{number}",
        "amount": 20.0 + turn % 100,
        "currency": "EUR",
    }


def _usual(where: FeatureIs) -> bool:
    """Select an event where small values are selected: most payments are usual, few are outliers."""
    return where.comparison in ("lt", "lte")


class _HotKey:
    """One card at one terminal, with as many events as every window of an hour or more can hold."""

    step_us = HOT_SPREAD_US // HOT_EVENTS

    def __init__(self, spec: FeatureSpec) -> None:
        self._observer = Observer([spec])
        self._now_us = NOW_US

    def arrive(self, number: int) -> None:
        self._now_us += self.step_us
        self._observer.observe("default", self._now_us, self._fields_of(number))

    def arrive_late(self, number: int) -> None:
        late_us = self._now_us - LATENESS_US // 2 + number
        self._observer.observe("default", late_us, self._fields_of(number))

    def label(self, back: int) -> None:
        """Tell that the event so many places back from number `TIMED` - 1 was a fraud."""
        self._observer.label(
            "default", f"hot-{back}", self._now_us - back * self.step_us,
            self._fields_of(TIMED - 1 - back), known_at_us=self._now_us, order=back, label="fraud",
        )  # fmt: skip

    def arrive_elsewhere(self, number: int) -> None:
        self._observer.observe("default", self._now_us, _fields(number, 1))

    @staticmethod
    def _fields_of(number: int) -> dict[str, Any]:
        fields = {"card": "hot-card", "terminal": "hot-terminal", "device": f"device-{number % 7}"}
        return fields | {"amount": 20.0 + number % 100, "currency": "EUR"}


def _hot_key(spec: FeatureSpec) -> dict[str, Any]:
    """Time what happens to the hot key, beside events of cards and terminals that are new."""
    key = _HotKey(spec)
    started = time.perf_counter()
    for number in range(HOT_EVENTS):
        key.arrive(number)
    fill_seconds = time.perf_counter() - started
    return {
        "events": HOT_EVENTS,
        "fill_seconds": round(fill_seconds, 1),
        "in_order": percentiles_us(time_each(key.arrive, range(TIMED))),
        "half_an_hour_late": percentiles_us(time_each(key.arrive_late, range(TIMED))),
        "label": percentiles_us(time_each(key.label, range(TIMED))),
        # What became known since must be taken back for these.
        "late_behind_a_label": percentiles_us(time_each(key.arrive_late, range(TIMED))),
        "new_entities": percentiles_us(time_each(key.arrive_elsewhere, range(TIMED))),
    }


def _start() -> dict[str, Any]:
    """Open an engine over the history of the whole stream in a fresh process."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        payments = CardPayments.prepare(folder)
        releases = payments.write_release(folder / "releases")
        history = payments.write_history(folder / "history", until_us=END_US)
        history_mib = history.stat().st_size / 2**20
        module = [sys.executable, "-m", "tests.bench.start_engine"]
        done = run_watched([*module, str(folder / "state"), str(releases), str(history)])
    return {
        "events": len(payments.study.table.amounts),
        "history_mib": round(history_mib, 1),
        "process_seconds": round(done.seconds, 2),
        "process_cpu_seconds": round(done.cpu_seconds, 2),
        **json.loads(done.output),
    }
