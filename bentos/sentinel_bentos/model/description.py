"""What the server and its models say of themselves, in both protocols."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sentinel_bentos.model.outputs import offered_outputs
from sentinel_bentos.model.versions import Versions
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.oip.tensors import FP32, INPUT

SERVER_NAME = "sentinel-model"
SERVER_VERSION = "1"
"""Of what the server speaks, not of the program: it moves when a client must."""
EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "onnxruntime_onnx"


class TensorDescription(NamedTuple):
    """Name, type and shape of a tensor; -1 is a dimension of any size."""

    name: str
    datatype: str
    shape: list[int]


def inputs_of(model: LoadedModel) -> list[TensorDescription]:
    """Describe what a model takes."""
    return [TensorDescription(INPUT, FP32, [-1, model.feature_count])]


def outputs_of(model: LoadedModel) -> list[TensorDescription]:
    """Describe what a model gives: the first two by default, the others when they are asked for."""
    return [TensorDescription(name, FP32, shape) for name, shape in offered_outputs(model).items()]


def describe_server() -> dict[str, Any]:
    """Return the metadata of the server."""
    return {"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": list(EXTENSIONS)}


def describe_model(model: LoadedModel, versions: Versions) -> dict[str, Any]:
    """Return the metadata of a model; the first of its versions is the default one.

    The properties hold the names of the features as a JSON list, in the order of the input's columns.
    """
    manifest = model.manifest
    return {
        "name": versions.name,
        "versions": list(versions.by_digest),
        "platform": PLATFORM,
        "inputs": [tensor._asdict() for tensor in inputs_of(model)],
        "outputs": [tensor._asdict() for tensor in outputs_of(model)],
        "properties": {
            "digest": model.digest,
            "artifact_version": manifest.version,
            "feature_spec": manifest.feature_spec.digest,
            "features": json.dumps(manifest.feature_names),
        },
    }
