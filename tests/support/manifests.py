"""Small but whole manifests, and their samples with a model proposed."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

from sentinel_core.ids import digest_bytes
from sentinel_core.release.compile import Compiled, compile_release
from sentinel_core.resources import Manifest, parse_manifest

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
PROPOSED = digest_bytes(b"an artifact")

MODEL: dict[str, Any] = {
    "apiVersion": "sentinel.dev/v1alpha1",
    "kind": "SentinelModel",
    "metadata": {"name": "card-fraud"},
    "spec": {"artifact": {"uri": "file:///models/card-fraud/1", "digest": PROPOSED}},
}
PIPELINE: dict[str, Any] = {
    "apiVersion": "sentinel.dev/v1alpha1",
    "kind": "SentinelPipeline",
    "metadata": {"name": "card-payments"},
    "spec": {
        "event": "Transaction",
        "features": {"inline": {"features": [{"name": "is_night", "hour_between": [0, 6]}]}},
        "models": [{"name": "fraud", "modelRef": {"name": "card-fraud"}}],
        "fusion": {
            "method": "NoisyOr",
            "weights": {"fraud": 1.0},
            "levels": {"LOW": 0, "MEDIUM": 30, "HIGH": 60, "CRITICAL": 85},
            "outcomes": {"review": 60, "block": 85},
        },
    },
}


def replaced(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a document with one value put at a dotted path."""
    changed: Any = copy.deepcopy(document)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at = changed
    for part in parents:
        at = at[part] if isinstance(at, list) else at.setdefault(part, {})
    at[last] = value
    return changed


def removed(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of a document without the value at a dotted path."""
    changed: Any = copy.deepcopy(document)
    *parents, last = path.split(".")
    at = changed
    for part in parents:
        at = at[part]
    del at[last]
    return changed


def read_sample(name: str) -> dict[str, str]:
    """Return the texts of a sample's files by name, with an artifact proposed for its models.

    It is the same artifact whatever was proposed in this checkout: ./task k8s:build-load does so.
    """
    files = sorted((SAMPLES / name).glob("*.yaml"))
    return {file.name: _with_proposal(file.read_text()) for file in files}


def _with_proposal(text: str) -> str:
    text = re.sub(r"(?m)^ +storeSecretRef: .*\n", "", text)
    text = re.sub(r"(?m)^( +uri:) \S+$", r"\1 models/card-fraud", text)
    return re.sub(r"(?m)^( +digest:) sha256:[0-9a-f]{64}$", rf"\1 {PROPOSED}", text)


def edited(files: dict[str, str], name: str, old: str, new: str) -> dict[str, str]:
    """Return files with a text replaced in one of them; the text must be there."""
    assert old in files[name]
    return files | {name: files[name].replace(old, new)}


def parse_files(files: dict[str, str]) -> Manifest:
    """Read several manifest texts as one manifest."""
    parts = [parse_manifest(text, name) for name, text in files.items()]
    return Manifest(
        tuple(d for part in parts for d in part.models),
        tuple(d for part in parts for d in part.pipelines),
        tuple(d for part in parts for d in part.config_maps),
    )


def compile_files(files: dict[str, str]) -> Compiled:
    """Compile the one pipeline of several manifest texts."""
    manifest = parse_files(files)
    pipeline = manifest.pipeline()
    namespace = pipeline.key[0]
    return compile_release(
        pipeline, manifest.models_in(namespace), manifest.config_maps_in(namespace)
    )
