"""What the operator counts. Every label has a closed set of values."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ROUND_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""From a round that finds nothing to do to one that waits for a slow API server's time-outs."""


class OperatorMetrics:
    """The operator's own metrics.

    Parameters
    ----------
    registry : CollectorRegistry
        One per operator, so that two in one process (as in tests) do not collide.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.reconcile_seconds = Histogram(
            "sentinel_operator_reconcile_seconds",
            "Time of one reconciliation of one resource.",
            ["kind", "outcome"],
            registry=registry,
            buckets=ROUND_BUCKETS_SECONDS,
        )
        self.errors = Counter(
            "sentinel_operator_errors_total",
            "Reconciliations that failed, by the reason.",
            ["kind", "reason"],
            registry=registry,
        )
        self.api_requests = Counter(
            "sentinel_operator_api_requests_total",
            "Calls to the API server, watches and lists included.",
            ["verb", "code"],
            registry=registry,
        )
        self.api_seconds = Histogram(
            "sentinel_operator_api_request_seconds",
            "Time until the API server's answer began.",
            ["verb"],
            registry=registry,
            buckets=ROUND_BUCKETS_SECONDS,
        )
        self.resources = Gauge(
            "sentinel_operator_resources", "Resources by phase.", ["kind", "phase"],
            registry=registry,
        )  # fmt: skip
        self.queue_depth = Gauge(
            "sentinel_operator_queue_depth", "Resources that wait for a reconciliation.",
            registry=registry,
        )  # fmt: skip
        self.queue_oldest_seconds = Gauge(
            "sentinel_operator_queue_oldest_seconds",
            "How long the resource that waits longest has waited.",
            registry=registry,
        )
        self.leading = Gauge(
            "sentinel_operator_leading", "1 where this replica holds the Lease.", registry=registry
        )
        self.deaf_seconds = Gauge(
            "sentinel_operator_watch_deaf_seconds",
            "For how long a change of the Lease is known that no watch has told of.",
            registry=registry,
        )
        self.watches_reopened = Counter(
            "sentinel_operator_watches_reopened_total",
            "Times that all watches were opened anew because nothing came over them.",
            registry=registry,
        )
        self.lost_events = Counter(
            "sentinel_operator_lost_events_total",
            "Changes that no watch told of and a list showed.",
            ["kind"],
            registry=registry,
        )
        self.pod_reports = Counter(
            "sentinel_operator_pod_reports_total",
            "Pods asked what they serve, by what came back.",
            ["outcome"],
            registry=registry,
        )
