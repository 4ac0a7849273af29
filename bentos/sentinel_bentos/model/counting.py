"""Counting requests by names from closed sets."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Literal

from prometheus_client import Counter

from sentinel_core.telemetry import ModelServerMetrics

Operation = Literal["infer", "metadata", "health", "none"]
"""What a request asks for; ``none`` is a path that does not exist."""


class RequestCounter:
    """Counts the requests of one protocol.

    The labelled counters are kept here, since looking one up costs as much as a tenth of a row.
    """

    def __init__(
        self, metrics: ModelServerMetrics, protocol: Literal["http", "grpc", "predict"]
    ) -> None:
        self._metrics = metrics
        self._protocol = protocol
        self._infer_seconds = metrics.infer_seconds.labels(protocol)
        self._rows = metrics.rows.labels(protocol)
        self._counters: dict[tuple[Operation, str], Counter] = {}

    def count(self, operation: Operation, code: str, started_ns: int) -> None:
        """Count an answer; ``started_ns`` is the reading of `perf_counter_ns` at its request."""
        counter = self._counters.get((operation, code))
        if counter is None:
            counter = self._metrics.requests.labels(self._protocol, operation, code)
            self._counters[operation, code] = counter
        counter.inc()
        if operation == "infer":
            self._infer_seconds.observe((perf_counter_ns() - started_ns) / 1e9)

    def count_rows(self, rows: int) -> None:
        """Count rows that were scored."""
        self._rows.inc(rows)
