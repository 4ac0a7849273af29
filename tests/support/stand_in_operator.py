"""The operator with a decision of its own: a Deployment, a ConfigMap and what stands around them.

It tries what touches the API server apart from what Sentinel decides, with a child of each sort: with
quantities that the API server writes otherwise, with atomic lists, with defaults inside them.
"""

from __future__ import annotations

from typing import Any

from sentinel_operator import main
from sentinel_operator.services.plan import Notice, Observed, Plan, Scale, Touch

TEXT = "test.sentinel.dev/text"
"""Annotation of a resource that decides what its children hold."""
BROKEN = "broken"
"""A text that makes a child which the API server refuses."""


def decide(observed: Observed) -> Plan:
    """Plan the children of a resource; its text goes into the ConfigMap and a revision."""
    metadata = observed.resource["metadata"]
    text = (metadata.get("annotations") or {}).get(TEXT, "1")
    taken = _is_taken(observed)
    deployment = ("Deployment", f"{metadata['name']}-model")
    pods = tuple(pod["metadata"]["name"] for pod in observed.pods)
    autoscaled = "autoscaling" in (observed.resource["spec"].get("server") or {})
    replicas = (observed.resource["spec"].get("server") or {}).get("replicas", 1)
    status = {
        "observedGeneration": metadata["generation"],
        "phase": "Degraded" if taken or observed.refused else "Ready",
        "replicas": len([s for s in observed.served if s.report is not None]),
    }
    if observed.refused:
        status["selector"] = "; ".join(observed.refused.values())[:1024]
    return Plan(
        status=status,
        apply=() if taken else _children(observed, text),
        create=() if taken else (_revision(observed, text),),
        scale=None if autoscaled or taken else Scale(deployment[1], replicas),
        touch=tuple(Touch(pod, "sentinel.dev/release", text) for pod in pods),
        notices=(Notice("Normal", "Changed", f"It says {text} now."),),
        ask_pods=any(served.report is None for served in observed.served),
    )


def _is_taken(observed: Observed) -> bool:
    uid = observed.resource["metadata"]["uid"]
    owners = [child["metadata"].get("ownerReferences", ()) for child in observed.children.values()]
    return any(uid not in [owner["uid"] for owner in each] for each in owners)


def _metadata(observed: Observed, suffix: str = "") -> dict[str, Any]:
    resource = observed.resource
    name = resource["metadata"]["name"]
    owner = {"apiVersion": resource["apiVersion"], "kind": resource["kind"], "name": name}
    owner |= {"uid": resource["metadata"]["uid"], "controller": True, "blockOwnerDeletion": False}
    return {
        "name": f"{name}-model{suffix}",
        "namespace": resource["metadata"]["namespace"],
        "labels": {**_selector(observed), "app.kubernetes.io/managed-by": "sentinel"},
        "ownerReferences": [owner],
    }


def _selector(observed: Observed) -> dict[str, str]:
    resource = observed.resource
    return {
        "sentinel.dev/kind": resource["kind"],
        "sentinel.dev/resource": resource["metadata"]["name"],
    }


def _revision(observed: Observed, text: str) -> dict[str, Any]:
    metadata = _metadata(observed, f"-{text}")
    data = {"text": text}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": 1,
    }


def _children(observed: Observed, text: str) -> tuple[dict[str, Any], ...]:
    metadata, selector = _metadata(observed), {"matchLabels": _selector(observed)}
    config = {"text": text} | ({"more": "two"} if text == "2" else {})
    container = {
        "name": "server",
        "image": "sentinel.local/none:dev",
        "ports": [{"name": "http", "containerPort": 3000}],
        "resources": {"requests": {"cpu": "-1" if text == BROKEN else "1000m"}},
        "env": [{"name": "SENTINEL_HOST", "value": "0.0.0.0"}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    template = {
        "metadata": {"labels": _selector(observed)},
        "spec": {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]},
    }
    policy = {
        "podSelector": selector,
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 3000}]}],
    }
    specs: list[tuple[str, str, dict[str, Any]]] = [
        ("v1", "ConfigMap", {"data": config}),
        ("apps/v1", "Deployment", {"spec": {"selector": selector, "template": template}}),
        (
            "v1",
            "Service",
            {"spec": {"selector": _selector(observed), "ports": [{"port": 3000}]}},
        ),
        ("v1", "ServiceAccount", {"automountServiceAccountToken": False}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"spec": policy}),
        (
            "policy/v1",
            "PodDisruptionBudget",
            {"spec": {"selector": selector, "maxUnavailable": 1}},
        ),
    ]
    return tuple(
        {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
        for version, kind, rest in specs
    )


if __name__ == "__main__":
    main.decisions = lambda _: {"SentinelModel": decide, "SentinelPipeline": decide}
    main.main()
