"""The ServiceMonitor of a server, for clusters that have a Prometheus operator."""

from __future__ import annotations

from typing import Any

from sentinel_operator.builders.child import Child

API = "monitoring.coreos.com/v1/ServiceMonitor"


def build_service_monitor(child: Child) -> dict[str, Any]:
    """Build the monitor, which scrapes every pod by itself."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": child.metadata(),
        "spec": {
            "selector": {"matchLabels": child.owned},
            # The Service for clients has no such port, so each pod is scraped once.
            "endpoints": [{"port": "admin", "path": "/metrics"}],
        },
    }
