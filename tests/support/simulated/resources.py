"""Small resources for simulated clusters, and their names."""

from __future__ import annotations

import copy
from typing import Any

from sentinel_core.ids import digest_bytes
from tests.support import manifests

MODEL = ("SentinelModel", "card-fraud")
PIPELINE = ("SentinelPipeline", "card-payments")
FIRST, SECOND = digest_bytes(b"first"), digest_bytes(b"second")
PEM = "-----BEGIN PUBLIC KEY-----\n"


def build_model(digest: str = FIRST, *, server: Any = None, **spec: Any) -> dict[str, Any]:
    """Return a model whose artifact lies in a store; ``server`` None leaves the server out."""
    artifact = {
        "uri": f"s3://models/{digest[-6:]}.tar",
        "digest": digest,
        "storeSecretRef": {"name": "model-store"},
    }
    given = {"artifact": artifact, **spec} | ({} if server is None else {"server": server})
    return {**copy.deepcopy(manifests.MODEL), "spec": given}


def build_pipeline(**spec: Any) -> dict[str, Any]:
    """Return a pipeline of one model and one rule pack, with some fields of its spec replaced."""
    pipeline = copy.deepcopy(manifests.PIPELINE)
    rules = {"configMapRef": {"name": "card-rules", "key": "rules.yaml"}}
    pipeline["spec"] |= {"rules": rules, **spec}
    return pipeline


def build_rules(points: int = 10) -> dict[str, Any]:
    """Return the ConfigMap with the rules of `build_pipeline`."""
    rule = f"""\
- id: at-night
  name: At night
  category: anomaly
  when: {{feature: is_night, gte: 1}}
  effect: {{points: {points}}}
  message: It is night.
  tests:
    - {{features: {{is_night: 1}}, hit: true}}
    - {{features: {{is_night: 0}}, hit: false}}
"""
    return build_input("card-rules", {"rules.yaml": rule})


def build_input(name: str, data: dict[str, str]) -> dict[str, Any]:
    """Return a ConfigMap that a resource reads."""
    metadata = {"name": name, "labels": {"sentinel.dev/input": "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
