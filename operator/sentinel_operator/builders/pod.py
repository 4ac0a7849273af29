"""What pods of servers and of proofs have in common: as little as a pod may have.

Pod Security ``restricted``, a read-only root and no token: nothing in a pod talks to the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sentinel_core.resources.server import Resources

USER_ID = 65532
"""The user of the images; ``nonroot`` in many."""
TMP = "/tmp"  # noqa: S108  # nosec B108 - a path in a pod, where it is an empty volume of its own
STORES_DIR = "/etc/sentinel/stores"
_STORE = "store-"
"""Begins the name of a volume with the settings of a store."""
HOMES = {"HOME": TMP, "BENTOML_HOME": f"{TMP}/bento"}
"""Where libraries write when they think that they must; the root is read-only."""


def build_pod_security() -> dict[str, Any]:
    """Build the security context of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def build_container_security() -> dict[str, Any]:
    """Build the security context of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def build_resources(resources: Resources) -> dict[str, Any]:
    """Build the requests and limits of a container."""
    plain = resources.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {part: amounts for part, amounts in plain.items() if amounts}


def build_env(variables: Mapping[str, str]) -> list[dict[str, str]]:
    """Build the environment of a container."""
    return [{"name": name, "value": value} for name, value in variables.items()]


def build_store_volumes(stores: Iterable[str]) -> list[dict[str, Any]]:
    """Build a volume for each Secret that says how to reach a store.

    A Secret that is not there leaves its folder empty, and the server says what is missing; a pod that
    waited for it would say nothing.
    """
    return [
        {"name": name, "secret": {"secretName": store, "optional": True}}
        for name, store in _named(stores)
    ]


def build_store_mounts(stores: Iterable[str]) -> list[dict[str, Any]]:
    """Build the mounts of `build_store_volumes`, each in a folder of its Secret's name."""
    return [
        {"name": name, "mountPath": f"{STORES_DIR}/{store}", "readOnly": True}
        for name, store in _named(stores)
    ]


def mounted_stores(pod_spec: Mapping[str, Any]) -> set[str]:
    """Return the names of the Secrets that `build_store_volumes` put into the spec of a pod."""
    return {
        volume["secret"]["secretName"]
        for volume in pod_spec.get("volumes") or ()
        if volume["name"].startswith(_STORE) and "secret" in volume
    }


def _named(stores: Iterable[str]) -> Iterator[tuple[str, str]]:
    # By number: a volume's name is a label of at most 63 characters, a Secret's may be longer.
    for number, store in enumerate(sorted(stores)):
        yield f"{_STORE}{number}", store
