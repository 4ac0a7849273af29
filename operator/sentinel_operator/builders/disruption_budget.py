"""The PodDisruptionBudget of a server."""

from __future__ import annotations

from typing import Any

from sentinel_operator.builders.child import Child


def build_disruption_budget(child: Child) -> dict[str, Any]:
    """Build the budget: one pod at a time may be evicted, and one that does not work at any time.

    It lets a single replica go, too: a budget that forbade it would keep its node from being drained.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child.metadata(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": child.selector},
        },
    }
