"""Between float32 rows and the messages of the Open Inference Protocol.

The server and our own client use the same four functions, so that both read a tensor alike. Raw
contents are the elements row by row, little-endian, as the protocol has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sentinel_core.errors import SentinelError
from sentinel_core.oip import open_inference_pb2 as pb

Rows = npt.NDArray[np.float32]

FP32 = "FP32"
INPUT = "input"
"""The one input: rows of features in the order of the artifact's manifest."""
PROBABILITY, MARGIN = "probability", "margin"
"""What a model gives by default: (rows,) in [0, 1], and (rows,) in log-odds before calibration."""
CONTRIBUTIONS, BASE_VALUE = "contributions", "base_value"
"""What a model gives when asked: (rows, features) in log-odds, and (1,), which is the same for every
row; a row's contributions and the base value add up to its margin."""
_LITTLE_ENDIAN = np.dtype("<f4")
ITEM_BYTES = _LITTLE_ENDIAN.itemsize


class InvalidTensorError(SentinelError):
    """A tensor is not what it says it is, or not what the model takes. Retryable: no."""

    code = "invalid_tensor"


class TensorHead(Protocol):
    """What a tensor says of itself, in any of the protocol's two encodings."""

    name: str
    datatype: str

    @property
    def shape(self) -> Sequence[int]:
        """Sizes of the dimensions."""
        ...


def build_request(
    model_name: str, version: str, rows: Rows, *, outputs: Iterable[str] = (), request_id: str = ""
) -> pb.ModelInferRequest:
    """Build the request that has a model score rows.

    Parameters
    ----------
    version : str
        Digest of the artifact; empty asks for the default one.
    rows : (n, features) float32
        In the order of the manifest's inputs; NaN where missing.
    outputs : iterable of str
        Names of the wanted outputs; none takes those that the model gives by default.
    """
    request = pb.ModelInferRequest(model_name=model_name, model_version=version, id=request_id)
    request.inputs.add(name=INPUT, datatype=FP32, shape=rows.shape)
    for name in outputs:
        request.outputs.add(name=name)
    request.raw_input_contents.append(to_bytes(rows))
    return request


def parse_rows(request: pb.ModelInferRequest, feature_count: int, max_rows: int) -> Rows:
    """Take the rows out of a request.

    Returns
    -------
    (n, features) float32
        Not writable where they came raw: they are the message's own bytes.

    Raises
    ------
    InvalidTensorError
        There is another number of inputs than one, or the one is not ``input`` of float32 and of the
        model's shape. Retryable: no.
    """
    inputs = request.inputs
    if len(inputs) != 1:
        raise wrong_inputs([tensor.name for tensor in inputs])
    tensor = inputs[0]
    count = check_shape(tensor, feature_count, max_rows)
    raw = request.raw_input_contents
    if not raw:
        values = np.array(tensor.contents.fp32_contents, dtype=np.float32)
        _check_count(tensor.name, len(values), count * feature_count)
        return values.reshape(count, feature_count)
    if len(raw) != 1 or tensor.HasField("contents"):
        raise InvalidTensorError(
            f"{len(raw)} raw contents are given for one input, or contents in both forms.",
            user_action="Give each tensor's contents once: all raw, or all typed.",
        )
    return from_bytes(tensor.name, raw[0], (count, feature_count))


def build_response(
    model_name: str,
    version: str,
    outputs: Mapping[str, Rows],
    *,
    request_id: str = "",
    raw: bool = True,
) -> pb.ModelInferResponse:
    """Build the answer to a request.

    Parameters
    ----------
    outputs : mapping of name to float32 array
        In the order in which they are answered.
    raw : bool
        Whether the contents go as bytes, or as numbers for a client that sent numbers.
    """
    response = pb.ModelInferResponse(
        model_name=model_name,
        model_version=version,
        id=request_id,
        raw_output_contents=[to_bytes(values) for values in outputs.values()] if raw else (),
    )
    add = response.outputs.add
    for name, values in outputs.items():
        tensor = add(name=name, datatype=FP32, shape=values.shape)
        if not raw:
            tensor.contents.fp32_contents.extend(values.ravel().tolist())
    return response


def parse_outputs(response: pb.ModelInferResponse) -> dict[str, Rows]:
    """Take the outputs out of an answer, whichever server gave it.

    Returns
    -------
    dict of name to float32 array
        In the shape that the server gives.

    Raises
    ------
    InvalidTensorError
        An output is not of float32, or its contents do not fit its shape. Retryable: no.
    """
    raw = response.raw_output_contents
    if raw and len(raw) != len(response.outputs):
        raise InvalidTensorError(
            f"There are {len(raw)} raw contents for {len(response.outputs)} outputs.",
            user_action="Look at the model server: its answer is not of the protocol.",
        )
    outputs = {}
    for index, tensor in enumerate(response.outputs):
        _check_datatype(tensor)
        shape = tuple(tensor.shape)
        if raw:
            outputs[tensor.name] = from_bytes(tensor.name, raw[index], shape)
            continue
        values = np.array(tensor.contents.fp32_contents, dtype=np.float32)
        _check_count(tensor.name, len(values), math.prod(shape))
        outputs[tensor.name] = values.reshape(shape)
    return outputs


def check_shape(tensor: TensorHead, feature_count: int, max_rows: int) -> int:
    """Hold an input against what the model takes, and return its number of rows.

    Raises
    ------
    InvalidTensorError
        It has another name, type or shape, or too many rows. Retryable: no.
    """
    if tensor.name != INPUT:
        raise wrong_inputs([tensor.name])
    _check_datatype(tensor)
    shape = tuple(tensor.shape)
    if len(shape) != 2 or shape[1] != feature_count or shape[0] < 1:
        raise InvalidTensorError(
            f"The shape of {INPUT} is {list(shape[:8])}, not [rows, {feature_count}].",
            user_action="Send one row or more, with the features of the model's metadata.",
        )
    if shape[0] > max_rows:
        raise InvalidTensorError(
            f"There are {shape[0]} rows; the server takes {max_rows} at once.",
            user_action="Send them in several requests.",
        )
    return shape[0]


def from_bytes(name: str, data: bytes, shape: tuple[int, ...]) -> Rows:
    """Read raw contents of a shape that was checked.

    Raises
    ------
    InvalidTensorError
        There are more bytes or fewer than the shape needs. Retryable: no.
    """
    needed_bytes = math.prod(shape) * ITEM_BYTES
    if len(data) != needed_bytes or min(shape, default=0) < 0:
        raise InvalidTensorError(
            f"{name[:64]} has {len(data)} bytes; its shape {list(shape)} needs {needed_bytes}.",
            user_action="Send float32 values row by row, without padding.",
        )
    return np.asarray(np.frombuffer(data, dtype=_LITTLE_ENDIAN), dtype=np.float32).reshape(shape)


def to_bytes(values: Rows) -> bytes:
    """Write raw contents."""
    return np.asarray(values, dtype=_LITTLE_ENDIAN).tobytes()


def wrong_inputs(names: Sequence[str]) -> InvalidTensorError:
    """Build the refusal of inputs that are not the one that the model takes."""
    given = ", ".join(name[:64] for name in names[:8]) or "none"
    return InvalidTensorError(
        f"The inputs are {given}; the model takes one, {INPUT}.",
        user_action=f"Send all features as the columns of one tensor, {INPUT}.",
    )


def _check_datatype(tensor: TensorHead) -> None:
    if tensor.datatype != FP32:
        raise InvalidTensorError(
            f"{tensor.name[:64]} is of {tensor.datatype[:16] or 'no type'}, not {FP32}.",
            user_action="Cast the values to float32 once, as they were for training.",
        )


def _check_count(name: str, found: int, needed: int) -> None:
    if found != needed:
        raise InvalidTensorError(
            f"{name[:64]} has {found} values; its shape needs {needed}.",
            user_action="Send as many values as the product of the shape.",
        )
