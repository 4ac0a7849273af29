"""The HorizontalPodAutoscaler of a server."""

from __future__ import annotations

from typing import Any

from sentinel_core.resources.autoscaling import Autoscaling
from sentinel_operator.builders.child import Child


def build_autoscaler(child: Child, autoscaling: Autoscaling) -> dict[str, Any]:
    """Build the autoscaler, which compares measured CPU with what pods request."""
    target = {"type": "Utilization", "averageUtilization": autoscaling.target_cpu_utilization}
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": child.name},
        "minReplicas": autoscaling.min_replicas,
        "maxReplicas": autoscaling.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    behavior = autoscaling.behavior.model_dump(mode="json", by_alias=True, exclude_none=True)
    rules = {way: _without_empty(rule) for way, rule in behavior.items()}
    if rules:
        spec["behavior"] = rules
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": child.metadata(),
        "spec": spec,
    }


def _without_empty(rule: dict[str, Any]) -> dict[str, Any]:
    # An empty list of policies is refused; absent, Kubernetes has policies of its own.
    return {name: value for name, value in rule.items() if value != []}
