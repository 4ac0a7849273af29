"""Small resources for the test cluster: a model of random trees, and a pipeline of one rule and it."""

from __future__ import annotations

from typing import Any

from tests.support.cluster_store import STORE_SECRET, Proposed
from tests.support.model_pipelines import MODEL_FEATURES, RULES

API_VERSION = "sentinel.dev/v1alpha1"
KEYS_SECRET = "card-payments-keys"
ROWS = [[120.5, 3.0, 0.25], [1.0, 0.0, 0.0]]
"""Values for the features of `tests.support.artifacts`."""
NO_LIMIT_MS = 10_000
"""No decision here may depend on how busy the machine is."""

Object = dict[str, Any]


def server(**more: Any) -> Object:
    """Return a server that asks for little, which tests on this machine may call."""
    return {
        "resources": {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"memory": "1Gi"},
        },
        "drainSeconds": 5,
        # NodePorts bring calls from outside the namespace; where policies hold, they must be let in.
        "networkPolicy": {
            "allowFrom": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
            "egress": [{"to": [{"namespaceSelector": {}}]}],
        },
    } | more


def model(name: str, artifact: Proposed, store: str = STORE_SECRET, **spec: Any) -> Object:
    """Return a SentinelModel; without ``server`` in the spec it is proven and no more."""
    declared = {
        "uri": artifact.uri,
        "digest": artifact.digest,
        "storeSecretRef": {"name": store},
    }
    return _resource("SentinelModel", name, {"artifact": declared, **spec})


def pipeline(name: str, of_model: str, **spec: Any) -> Object:
    """Return a SentinelPipeline over the ConfigMaps ``features`` and ``rules``."""
    placement = spec.pop("placement", "Inline")
    one = {
        "name": "fraud",
        "modelRef": {"name": of_model},
        "placement": placement,
        "deadlineMs": NO_LIMIT_MS,
    }
    whole = {
        "event": "Transaction",
        "features": {"configMapRef": {"name": "features", "key": "features.yaml"}},
        "models": [one],
        "rules": {"configMapRef": {"name": "rules", "key": "rules.yaml"}},
        "fusion": fusion(),
        "budgetMs": 60_000,
        "auth": {"apiKeysSecretRef": {"name": KEYS_SECRET}},
        "server": server(),
    }
    return _resource("SentinelPipeline", name, whole | spec)


def fusion(*, fraud: float = 1.0, block: int = 85) -> Object:
    """Return how signals become an outcome."""
    return {
        "method": "NoisyOr",
        "weights": {"fraud": fraud, "rules": 1.0},
        "levels": {"LOW": 0, "MEDIUM": 30, "HIGH": 60, "CRITICAL": 85},
        "outcomes": {"review": 60, "block": block},
    }


def features(text: str = MODEL_FEATURES) -> Object:
    """Return the ConfigMap of features."""
    return text_map("features", "features.yaml", text)


def rules(text: str = RULES) -> Object:
    """Return the ConfigMap of rules."""
    return text_map("rules", "rules.yaml", text)


def text_map(name: str, key: str, text: str) -> Object:
    """Return a ConfigMap that resources may name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"sentinel.dev/input": "true"}},
        "data": {key: text},
    }


def _resource(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
