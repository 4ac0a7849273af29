"""Names of metrics and log keys, declared once.

Label values are bounded: they come from closed sets (outcomes, stages, routes of the OpenAPI
document), never from a request, since every new value is a new time series for ever.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip
"""From a tenth of the scoring path's own time to the longest budget a pipeline may set."""


class DecisionMetrics:
    """What a decision server counts.

    Parameters
    ----------
    registry : CollectorRegistry
        One per server, so that two servers in one process (as in tests) do not collide.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.decisions = Counter(
            "sentinel_decisions_total", "Decisions recorded.", ["outcome", "arm"], registry=registry
        )
        self.decision_seconds = Histogram(
            "sentinel_decision_seconds",
            "From the validated event to the durable decision.",
            registry=registry,
            buckets=LATENCY_BUCKETS_SECONDS,
        )
        self.stage_seconds = Histogram(
            "sentinel_stage_seconds",
            "Time in one stage of a decision.",
            ["stage"],
            registry=registry,
            buckets=LATENCY_BUCKETS_SECONDS,
        )
        self.signals = Counter(
            "sentinel_signals_total", "Signals by status.", ["status"], registry=registry
        )
        self.degraded = Counter(
            "sentinel_degraded_total", "Decisions given without a part.", ["part"],
            registry=registry,
        )  # fmt: skip
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


class ModelServerMetrics:
    """What a model server counts.

    Parameters
    ----------
    registry : CollectorRegistry
        One per server, so that two servers in one process (as in tests) do not collide.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "sentinel_model_requests_total",
            "Requests answered: protocol http, grpc or predict; code of HTTP or gRPC.",
            ["protocol", "operation", "code"],
            registry=registry,
        )
        self.infer_seconds = Histogram(
            "sentinel_model_infer_seconds",
            "From the head of a request for scores to its answer.",
            ["protocol"],
            registry=registry,
            buckets=LATENCY_BUCKETS_SECONDS,
        )
        self.rows = Counter(
            "sentinel_model_rows_total", "Rows scored.", ["protocol"], registry=registry
        )
        self.versions = Gauge(
            "sentinel_model_versions", "Versions that are loaded.", registry=registry
        )
        self.refused_artifacts = Counter(
            "sentinel_model_artifacts_refused_total",
            "Artifacts that could not be served, each attempt counted.",
            registry=registry,
        )
