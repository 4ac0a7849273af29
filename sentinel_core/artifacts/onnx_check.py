"""Look through an ONNX file before ONNX Runtime sees it.

An ONNX file may name other files (external data), operators of any domain, functions and graphs
within graphs. A served model needs none of the first two, and each has been the way around a check
before (CVE-2024-27318, CVE-2026-27489), so the whole tree is walked here and what is not known to be
plain is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from sentinel_core.artifacts.refusal import refuse

ALLOWED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MAX_OPSETS = {"": 22, "ai.onnx": 22, "ai.onnx.ml": 5}
"""The newest of ONNX 1.17 (its docs/Versioning.md), which ONNX Runtime 1.20 and later run."""
MAX_IR_VERSION = 10
"""Of ONNX 1.17, as above."""
MAX_NODES = 10_000
"""An exported ensemble has under 20 nodes however many trees; the bound leaves room for others."""
MAX_GRAPHS = 64
"""Graphs and functions in the file; an exported ensemble has one."""
UNBOUNDED_OPERATORS = frozenset({"Loop", "Scan"})
"""They can run for ever, and a call into the runtime cannot be cut off."""
OUTPUTS = ("margin", "probability")
REEXPORT = "Export the model again with `sentinel train`, which writes standard operators only."
SAME_COLUMNS = "Export model and manifest together, for the same features in the same order."


def check_model(data: bytes, feature_count: int) -> str:
    """Check a whole ONNX file and return the name of its one input.

    Parameters
    ----------
    data : bytes
        The file, already within the size limit of an artifact.
    feature_count : int
        Columns that the manifest declares.

    Raises
    ------
    ArtifactError
        ``NotOnnx``, ``UnsupportedOpset``, ``ForbiddenDomain``, ``ForbiddenOperator``,
        ``ExternalData``, ``ArtifactTooLarge``, ``SchemaMismatch``. A retry does not help.
    """
    model = parse_model(data)
    _check_opsets(model)
    node_count = 0
    for graph_count, graph in enumerate(_walk_graphs(model), start=1):
        node_count += len(graph.node)
        if graph_count > MAX_GRAPHS or node_count > MAX_NODES:
            raise refuse(
                "ArtifactTooLarge",
                f"The model has more than {MAX_NODES} nodes or {MAX_GRAPHS} graphs.",
                REEXPORT,
            )
        _check_nodes(graph)
        _check_tensors(graph)
    _check_outputs(model.graph)
    return _check_input(model.graph, feature_count)


def parse_model(data: bytes) -> Any:
    """Parse the protobuf message and hold that it is a model.

    Raises
    ------
    ArtifactError
        ``NotOnnx``. A retry does not help.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise refuse("NotOnnx", f"model.onnx is not an ONNX file: {error}.", REEXPORT) from None
    if not model.HasField("graph") or not model.graph.node or not model.opset_import:
        raise refuse("NotOnnx", "model.onnx holds no graph.", REEXPORT)
    if model.training_info:
        raise refuse("ForbiddenOperator", "model.onnx carries a training graph.", REEXPORT)
    return model


def _check_opsets(model: Any) -> None:
    imports = [*model.opset_import, *(o for f in model.functions for o in f.opset_import)]
    for opset in imports:
        if opset.domain not in ALLOWED_DOMAINS:
            raise _foreign(opset.domain, "The model imports")
        if not 1 <= opset.version <= MAX_OPSETS[opset.domain]:
            raise refuse(
                "UnsupportedOpset",
                f"Version {opset.version} of {opset.domain or 'ai.onnx'} is not served; "
                f"the newest is {MAX_OPSETS[opset.domain]}.",
                REEXPORT,
            )
    if not 3 <= model.ir_version <= MAX_IR_VERSION:
        raise refuse("UnsupportedOpset", f"IR version {model.ir_version} is not served.", REEXPORT)


def _walk_graphs(model: Any) -> Iterator[Any]:
    """Yield the graph, every function, and every graph that an attribute of a node holds."""
    waiting = [model.graph, *model.functions]
    for function in model.functions:
        if function.domain not in ALLOWED_DOMAINS:
            raise _foreign(function.domain, f"Function {function.name[:64]} is")
    while waiting:
        graph = waiting.pop()
        yield graph
        for attribute in _attributes(graph):
            if attribute.HasField("g"):
                waiting.append(attribute.g)
            waiting.extend(attribute.graphs)


def _attributes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from node.attribute
    # Only functions have defaults for their attributes.
    yield from getattr(graph, "attribute_proto", ())


def _check_nodes(graph: Any) -> None:
    for node in graph.node:
        if node.domain not in ALLOWED_DOMAINS:
            raise _foreign(node.domain, f"Operator {node.op_type[:64]} is")
        if node.op_type in UNBOUNDED_OPERATORS:
            raise refuse(
                "ForbiddenOperator",
                f"Operator {node.op_type} may run without end.",
                REEXPORT,
            )


def _check_tensors(graph: Any) -> None:
    for tensor in _tensors(graph):
        external = tensor.data_location == onnx.TensorProto.EXTERNAL
        if external or tensor.external_data:
            raise refuse(
                "ExternalData",
                f"Tensor {tensor.name[:64]!r} keeps its data in another file.",
                "Export the model with all data in the one file.",
            )


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor, also the two that each sparse tensor is made of."""
    sparse = list(getattr(graph, "sparse_initializer", ()))
    yield from getattr(graph, "initializer", ())
    for attribute in _attributes(graph):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            sparse.append(attribute.sparse_tensor)
        sparse.extend(attribute.sparse_tensors)
    for tensor in sparse:
        yield tensor.values
        yield tensor.indices


def _check_input(graph: Any, feature_count: int) -> str:
    initial = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name not in initial]
    if len(inputs) != 1:
        raise _schema(f"the model takes {len(inputs)} inputs, not 1")
    (only,) = inputs
    shape = _float_shape(only)
    if len(shape) != 2 or shape[1] != feature_count:
        raise _schema(f"the input has shape {shape}, not (rows, {feature_count})")
    if shape[0] not in (None, 0):
        raise _schema(f"the input takes exactly {shape[0]} rows; the number must be open")
    return str(only.name)


def _check_outputs(graph: Any) -> None:
    by_name = {item.name: item for item in graph.output}
    for name in OUTPUTS:
        if name not in by_name:
            raise _schema(f"the model has no output {name}")
        shape = _float_shape(by_name[name])
        if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
            raise _schema(f"output {name} has shape {shape}, not (rows,) or (rows, 1)")


def _float_shape(item: Any) -> tuple[int | None, ...]:
    """Return the declared shape, None for an open dimension."""
    tensor = item.type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT or not tensor.HasField("shape"):
        raise _schema(f"{item.name[:64]!r} is not a float32 tensor of known rank")
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)


def _foreign(domain: str, what: str) -> Exception:
    return refuse(
        "ForbiddenDomain",
        f"{what} of domain {domain[:64]!r}; only ai.onnx and ai.onnx.ml are served.",
        REEXPORT,
    )


def _schema(what: str) -> Exception:
    return refuse("SchemaMismatch", f"The model does not fit its manifest: {what}.", SAME_COLUMNS)
