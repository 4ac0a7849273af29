"""The ServiceMonitor of a server, for clusters that have a Prometheus operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel_operator.builders.child import Child

API = "monitoring.coreos.com/v1/ServiceMonitor"


def build_service_monitor(child: Child, labels: Mapping[str, str]) -> dict[str, Any]:
    """Build the monitor, which scrapes every pod by itself.

    ``labels`` are those by which a Prometheus selects its monitors; the child's own go before them.

    The server's NetworkPolicy lets only the operator's namespace in to this port. A Prometheus that
    runs elsewhere needs a policy beside it, which says so; policies add up.
    """
    metadata = child.metadata()
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata | {"labels": {**labels, **metadata["labels"]}},
        "spec": {
            "selector": {"matchLabels": child.owned},
            # The Service for clients has no such port, so each pod is scraped once.
            "endpoints": [{"port": "admin", "path": "/metrics"}],
        },
    }
