"""Names of metrics and log keys, declared once.

Label values are bounded: they come from closed sets (outcomes, stages, routes of the OpenAPI
document), never from a request, since every new value is a new time series for ever.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from time import perf_counter_ns
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

LATENCY_BUCKETS_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip
"""From a tenth of the scoring path's own time to the longest budget a pipeline may set."""
_BOUNDS = [*map(floatToGoString, LATENCY_BUCKETS_SECONDS), "+Inf"]
PROTOCOLS = ("http", "grpc", "predict")
"""Ways to ask a model server; ``predict`` is the Bento's own."""
Operation = Literal["infer", "metadata", "health", "none"]
"""What a model server is asked for; ``none`` is a path that does not exist."""


class Times:
    """A histogram of times in plain numbers.

    Metrics of prometheus_client take a lock each, which at ten of them a request is a tenth of its
    time. Used from one thread.
    """

    def __init__(self) -> None:
        self._sum_seconds = 0.0
        self._buckets = [0] * (len(LATENCY_BUCKETS_SECONDS) + 1)

    def observe(self, seconds: float) -> None:
        """Count one time."""
        self._sum_seconds += seconds
        self._buckets[bisect_left(LATENCY_BUCKETS_SECONDS, seconds)] += 1

    def add_to(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        """Add the series of these labels to a metric."""
        heights = zip(_BOUNDS, accumulate(self._buckets), strict=True)
        family.add_metric(labels, list(heights), self._sum_seconds)


class DecisionCounts(Collector):
    """What was recorded of decisions, in plain numbers; metrics are made of them when asked for.

    Attributes
    ----------
    decisions : by outcome and arm
    signals : by status
    degraded : by part
    stages : times by stage
    whole : from the admission of an event to its durable decision
    """

    def __init__(self) -> None:
        self.decisions: Counts[tuple[str, str]] = Counts()
        self.signals: Counts[str] = Counts()
        self.degraded: Counts[str] = Counts()
        self.stages: defaultdict[str, Times] = defaultdict(Times)
        self.whole = Times()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with what was counted so far."""
        decisions = CounterMetricFamily(
            "sentinel_decisions_total", "Decisions recorded.", labels=["outcome", "arm"]
        )
        for labels, number in self.decisions.items():
            decisions.add_metric(labels, number)
        whole = HistogramMetricFamily(
            "sentinel_decision_seconds",
            "From the admission of an event to its durable decision.",
            labels=[],
        )
        self.whole.add_to(whole, [])
        stages = HistogramMetricFamily(
            "sentinel_stage_seconds", "Time in one stage of a decision.", labels=["stage"]
        )
        for stage, times in self.stages.items():
            times.add_to(stages, [stage])
        yield from (decisions, whole, stages)
        yield _counter("sentinel_signals_total", "Signals by status.", "status", self.signals)
        text = "Decisions given without a part."
        yield _counter("sentinel_degraded_total", text, "part", self.degraded)


def _counter(name: str, text: str, label: str, counts: Counts[str]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in counts.items():
        family.add_metric([value], number)
    return family


class DecisionMetrics:
    """What a decision server counts.

    Parameters
    ----------
    registry : CollectorRegistry
        One per server, so that two servers in one process (as in tests) do not collide.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.decided = DecisionCounts()
        registry.register(self.decided)
        self.requests = Counter(
            "sentinel_http_requests_total",
            "Requests answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.rpcs = Counter(
            "sentinel_grpc_requests_total",
            "Calls over gRPC answered.",
            ["rpc", "code"],
            registry=registry,
        )
        self.refused_releases = Counter(
            "sentinel_releases_refused_total", "Releases not taken up.", registry=registry
        )
        self.entities = Gauge(
            "sentinel_entity_logs", "Entities with a log in memory.", registry=registry
        )
        self.commit_size = Histogram(
            "sentinel_commit_decisions",
            "Decisions that shared one commit.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
        )


class ProtocolCounts:
    """What a model server was asked in one protocol.

    Plain numbers, of which `InferenceCounts` makes metrics when somebody asks. Used from one thread.
    """

    def __init__(self) -> None:
        self.answered: dict[tuple[str, str], int] = {}
        self.rows = 0
        self.infer = Times()

    def count(self, operation: Operation, code: str, started_ns: int) -> None:
        """Count an answer; ``started_ns`` is the reading of `perf_counter_ns` at its request."""
        key = operation, code
        self.answered[key] = self.answered.get(key, 0) + 1
        if operation == "infer":
            self.infer.observe((perf_counter_ns() - started_ns) / 1e9)


class InferenceCounts(Collector):
    """The counts of a model server's protocols, as metrics."""

    def __init__(self) -> None:
        self.http, self.grpc, self.predict = (ProtocolCounts() for _ in PROTOCOLS)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with what was counted so far."""
        requests = CounterMetricFamily(
            "sentinel_model_requests_total",
            "Requests answered, by the code of HTTP or gRPC.",
            labels=["protocol", "operation", "code"],
        )
        seconds = HistogramMetricFamily(
            "sentinel_model_infer_seconds",
            "From the head of a request for scores to its answer.",
            labels=["protocol"],
        )
        rows = CounterMetricFamily("sentinel_model_rows_total", "Rows scored.", labels=["protocol"])
        for protocol in PROTOCOLS:
            counts: ProtocolCounts = getattr(self, protocol)
            for (operation, code), number in counts.answered.items():
                requests.add_metric([protocol, operation, code], number)
            counts.infer.add_to(seconds, [protocol])
            rows.add_metric([protocol], counts.rows)
        yield from (requests, seconds, rows)


class ModelServerMetrics:
    """What a model server counts.

    Parameters
    ----------
    registry : CollectorRegistry
        One per server, so that two servers in one process (as in tests) do not collide.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = InferenceCounts()
        registry.register(self.requests)
        self.versions = Gauge(
            "sentinel_model_versions", "Versions that are loaded.", registry=registry
        )
        self.refused_artifacts = Counter(
            "sentinel_model_artifacts_refused_total",
            "Artifacts that could not be served, each attempt counted.",
            registry=registry,
        )
