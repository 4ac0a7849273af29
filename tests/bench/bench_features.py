"""Compute the sample's features over the whole stream, offline, in two processes.

The processor time is that of both processes together; unlike the seconds it does not depend much on
what else the machine does.
"""

from __future__ import annotations

import resource
import time

from sentinel_core.cli.features import load_events
from sentinel_core.features.offline import build_features
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from tests.bench.card_payments import SAMPLE
from tests.bench.record import Measured

PROCESSES = 2


def measure() -> Measured:
    """Measure once: two minutes of work vary less than the machine."""
    files = load_or_generate(default_cache_dir())
    spec = load_pipeline_spec(SAMPLE)
    started = time.perf_counter()
    events, labels = load_events(files.events, files.labels)
    read_seconds = time.perf_counter() - started
    used_before, started = _cpu_seconds(), time.perf_counter()
    built = build_features(events, spec, labels, processes=PROCESSES)
    seconds, used_seconds = time.perf_counter() - started, _cpu_seconds() - used_before
    return Measured(
        {
            "events": len(events),
            "features": len(built.names),
            "processes": PROCESSES,
            "read_seconds": round(read_seconds, 2),
            "seconds": round(seconds, 1),
            "cpu_seconds": round(used_seconds, 1),
            "cpu_us_per_event": round(used_seconds / len(events) * 1e6, 1),
            "events_per_second": round(len(events) / seconds),
        }
    )


def _cpu_seconds() -> float:
    """Return the processor time of this process and of those of its children that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, whose))
