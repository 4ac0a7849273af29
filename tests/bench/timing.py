"""Percentiles of single calls, and medians of rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any


def time_each(call: Callable[[Any], object], arguments: Iterable[Any]) -> list[int]:
    """Call once for each argument; return the nanoseconds of each call."""
    now = time.perf_counter_ns
    times_ns = []
    for argument in arguments:
        start_ns = now()
        call(argument)
        times_ns.append(now() - start_ns)
    return times_ns


def percentiles_us(times_ns: Sequence[int]) -> dict[str, float]:
    """Return p50 and p99 in microseconds (nearest rank)."""
    ordered = sorted(times_ns)
    return {f"p{p}_us": round(ordered[len(ordered) * p // 100] / 1000, 1) for p in (50, 99)}


def median_of(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Take the median over rounds of every number of equally shaped mappings."""
    first = rounds[0]
    return {
        name: median_of([one[name] for one in rounds])
        if isinstance(value, Mapping)
        else median(one[name] for one in rounds)
        for name, value in first.items()
    }
