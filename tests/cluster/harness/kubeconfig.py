"""Files by which a client finds the API server and proves who it is."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness.certificates import Identity


def write_kubeconfig(path: Path, server: str, authority: Path, identity: Identity) -> Path:
    """Write a kubeconfig with everything inside, so that it can be copied.

    Parameters
    ----------
    server : URL of the API server
    authority : PEM file of the authority that signed the server's certificate
    """
    user = {
        "client-certificate-data": _encoded(identity.certificate),
        "client-key-data": _encoded(identity.key),
    }
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    context = {"cluster": "sentinel", "user": "sentinel", "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sentinel",
        "clusters": [{"name": "sentinel", "cluster": cluster}],
        "users": [{"name": "sentinel", "user": user}],
        "contexts": [{"name": "sentinel", "context": context}],
    }
    return _write(path, document)


def with_token(kubeconfig: Path, path: Path, token: str) -> Path:
    """Write a kubeconfig for the same API server, but for whom the bearer token stands."""
    document = yaml.safe_load(kubeconfig.read_text())
    current = document["current-context"]
    context = next(c["context"] for c in document["contexts"] if c["name"] == current)
    document["users"] = [{"name": context["user"], "user": {"token": token}}]
    return _write(path, document)


def _write(path: Path, document: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
