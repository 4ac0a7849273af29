"""The ConfigMap by which pods are told what to serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel_operator.builders.child import Child


def build_config_map(child: Child, data: Mapping[str, str]) -> dict[str, Any]:
    """Build the projection of what is to be served; pods mount it whole."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child.metadata(),
        "data": dict(data),
    }
