"""What the operator counts. Every label has a closed set of values."""

from __future__ import annotations

from functools import partial

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
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry, buckets=ROUND_BUCKETS_SECONDS)
        self.reconcile_seconds = histogram(
            "sentinel_operator_reconcile_seconds",
            "Time of one reconciliation of one resource.",
            ["kind", "outcome"],
        )
        self.errors = counter(
            "sentinel_operator_errors_total",
            "Reconciliations that failed, by the reason.",
            ["kind", "reason"],
        )
        self.api_requests = counter(
            "sentinel_operator_api_requests_total",
            "Calls to the API server, watches and lists included.",
            ["verb", "code"],
        )
        self.api_seconds = histogram(
            "sentinel_operator_api_request_seconds",
            "Time until the API server's answer began.",
            ["verb"],
        )
        self.resources = gauge(
            "sentinel_operator_resources",
            "Resources by phase, as each replica sees them; take the maximum, not the sum.",
            ["kind", "phase"],
        )
        self.queue_depth = gauge(
            "sentinel_operator_queue_depth", "Resources that wait for a reconciliation."
        )
        self.queue_oldest_seconds = gauge(
            "sentinel_operator_queue_oldest_seconds",
            "How long the resource that waits longest has waited.",
        )
        self.leading = gauge("sentinel_operator_leading", "1 where this replica holds the Lease.")
        self.deaf_seconds = gauge(
            "sentinel_operator_watch_deaf_seconds",
            "For how long a change of the Lease is known that no watch has told of.",
        )
        self.watches_reopened = counter(
            "sentinel_operator_watches_reopened_total",
            "Times that all watches were opened anew because nothing came over them.",
        )
        self.lost_events = counter(
            "sentinel_operator_lost_events_total",
            "Changes that no watch told of and a list showed.",
            ["kind"],
        )
        self.pod_reports = counter(
            "sentinel_operator_pod_reports_total",
            "Pods asked what they serve, by what came back.",
            ["outcome"],
        )
