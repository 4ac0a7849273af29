"""A process that opens an engine, says how long it took and what it holds, and ends.

Run as ``python -m tests.bench.start_engine STATE RELEASES HISTORY``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from sentinel_core.engine.engine import Engine
from sentinel_core.release import read_projection
from sentinel_core.telemetry import DecisionMetrics
from tests.bench.processes import MIB, peak_rss_bytes, rss_bytes


def main(state: Path, releases: Path, history: Path) -> None:
    metrics = DecisionMetrics(CollectorRegistry())
    imported_bytes = rss_bytes(os.getpid())
    started = time.perf_counter()
    engine = Engine.open(state, read_projection(releases), metrics=metrics, history=history)
    seconds = time.perf_counter() - started
    gc.collect()
    figures = {
        "open_seconds": round(seconds, 2),
        "imported_rss_mib": round(imported_bytes / MIB),
        "rss_mib": round(rss_bytes(os.getpid()) / MIB),
        "peak_rss_mib": round(peak_rss_bytes(os.getpid()) / MIB),
        "entities": int(metrics.entities._value.get()),
    }
    engine.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
