"""Secrets and ConfigMaps, written and read as text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.cluster.harness.kubectl import Kubectl


def read_secret(kubectl: Kubectl, namespace: str, name: str) -> dict[str, str] | None:
    """Return what a Secret holds; None where there is no such Secret."""
    found = _read(kubectl, "secret", namespace, name)
    if found is None:
        return None
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def read_config_map(kubectl: Kubectl, namespace: str, name: str) -> dict[str, str]:
    """Return what a ConfigMap holds; nothing where there is no such ConfigMap."""
    found = _read(kubectl, "configmap", namespace, name)
    return dict(found.get("data", {})) if found is not None else {}


def apply_secret(kubectl: Kubectl, namespace: str, name: str, data: Mapping[str, str]) -> None:
    """Have a Secret with just this in it."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded})


def apply_config_map(
    kubectl: Kubectl,
    namespace: str,
    name: str,
    data: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> None:
    """Have a ConfigMap with just this in it."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    )


def _read(kubectl: Kubectl, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
    found = kubectl(
        "get", kind, name, f"--namespace={namespace}", "--ignore-not-found", "--output=json"
    )
    return json.loads(found) if found.strip() else None
