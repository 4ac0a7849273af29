"""Requests for scores over HTTP, read from bytes, and their answers.

JSON, or JSON followed by the tensors' bytes: the extension for binary data, which Triton's clients use
by default. The header Inference-Header-Content-Length then says where the JSON ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from sentinel_bentos.model.outputs import MAX_ROWS, Outputs, check_wanted, refuse_request
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import InvalidRequestError
from sentinel_core.oip.tensors import (
    FP32,
    INPUT,
    InvalidTensorError,
    Rows,
    check_shape,
    from_bytes,
    to_bytes,
    wrong_inputs,
)

SMALL_JSON_BYTES = 64 * 1024
"""Of JSON that is read at once, in 0.3 ms: 32 rows of 30 features take 12 KiB. More is held against the
shape first: a list of a million empty lists is read in half a second, uninterrupted."""
_BINARY_SIZE = "binary_data_size"

_Numbers = list[float | list[float | None] | None]
"""Flat, or one list for each row; null is a missing value."""


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: _Numbers | None = None
    parameters: dict[str, Any] | None = None


class _LargeInput(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    parameters: dict[str, Any] | None = None


class _WantedOutput(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Request(msgspec.Struct):
    inputs: list[_Input]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[_WantedOutput] | None = None


class _LargeRequest(msgspec.Struct):
    inputs: list[_LargeInput]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[_WantedOutput] | None = None


class _Output(msgspec.Struct, omit_defaults=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class _Answer(msgspec.Struct, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[_Output]
    id: str | None = None


_DECODER = msgspec.json.Decoder(_Request)
_LARGE_DECODER = msgspec.json.Decoder(_LargeRequest)
_NUMBERS_DECODER = msgspec.json.Decoder(_Numbers | None)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What a client asks for.

    Attributes
    ----------
    wanted : names of the outputs
    binary : those of them that go as bytes
    """

    rows: Rows
    wanted: tuple[str, ...]
    binary: frozenset[str]
    id: str | None


def parse_infer(body: bytes, json_bytes: int | None, model: LoadedModel) -> InferRequest:
    """Read a request for scores.

    Parameters
    ----------
    json_bytes : int or None
        Length of the JSON in front of the tensors' bytes; None where the body is JSON alone.

    Raises
    ------
    InvalidRequestError, InvalidTensorError
        Retryable: no.
    """
    binary_part = b"" if json_bytes is None else body[json_bytes:]
    request = _decode(body if json_bytes is None else body[:json_bytes])
    if len(request.inputs) != 1:
        raise wrong_inputs([tensor.name for tensor in request.inputs])
    tensor = request.inputs[0]
    shape = (check_shape(tensor, model.feature_count, MAX_ROWS), model.feature_count)
    rows = _rows(tensor, _numbers(tensor, shape), shape, binary_part)
    outputs = request.outputs or ()
    wanted = check_wanted([output.name for output in outputs], model)
    if not outputs and not request.parameters:
        return InferRequest(rows, wanted, frozenset(), request.id)
    return InferRequest(rows, wanted, _binary_outputs(request, wanted), request.id)


def write_answer(
    name: str, version: str, request: InferRequest, outputs: Outputs
) -> tuple[bytes, int | None]:
    """Write the answer; return it and, where bytes follow the JSON, the JSON's length."""
    tensors, parts = [], []
    for output, values in outputs.items():
        shape = list(values.shape)
        if output in request.binary:
            parts.append(to_bytes(values))
            sizes = {_BINARY_SIZE: len(parts[-1])}
            tensors.append(_Output(output, shape, FP32, parameters=sizes))
        else:
            tensors.append(_Output(output, shape, FP32, values.ravel().tolist()))
    answer = _ENCODER.encode(_Answer(name, version, tensors, request.id))
    if not parts:
        return answer, None
    return b"".join([answer, *parts]), len(answer)


def _decode(data: bytes) -> _Request | _LargeRequest:
    small = len(data) <= SMALL_JSON_BYTES
    request: _Request | _LargeRequest = _read(_DECODER if small else _LARGE_DECODER, data)
    return request


def _read(decoder: msgspec.json.Decoder[Any], data: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise refuse_request(
            "body", str(error), "Send an inference request of the Open Inference Protocol as JSON."
        ) from error


def _numbers(tensor: _Input | _LargeInput, shape: tuple[int, int]) -> _Numbers | None:
    """Return the numbers of a tensor; those of a large body are read only where they can fit."""
    if isinstance(tensor, _Input):
        return tensor.data
    text = bytes(tensor.data)
    if text != b"null" and not _can_fit(text, shape):
        raise _misfit(shape)
    numbers: _Numbers | None = _read(_NUMBERS_DECODER, tensor.data)
    return numbers


def _can_fit(text: bytes, shape: tuple[int, int]) -> bool:
    """Tell by its commas and brackets whether a text may be as many numbers, flat or in rows."""
    rows, columns = shape
    return text.count(b",") == rows * columns - 1 and text.count(b"[") in (1, rows + 1)


def _rows(
    tensor: _Input | _LargeInput,
    numbers: _Numbers | None,
    shape: tuple[int, int],
    binary_part: bytes,
) -> Rows:
    size = (tensor.parameters or {}).get(_BINARY_SIZE)
    if size is None:
        if binary_part:
            raise _binary_fault(f"{len(binary_part)} bytes follow that no input claims")
        if numbers is None:
            raise refuse_request(INPUT, "it has no data", "Send data, or bytes after the JSON.")
        return _from_numbers(numbers, shape)
    if numbers is not None:
        raise _binary_fault("it has data and bytes")
    if size != len(binary_part):
        raise _binary_fault(f"{len(binary_part)} bytes follow, not {str(size)[:32]}")
    return from_bytes(INPUT, binary_part, shape)


def _from_numbers(data: _Numbers, shape: tuple[int, int]) -> Rows:
    """Make rows of numbers that came flat or nested; null becomes NaN."""
    try:
        with np.errstate(over="raise"):
            values = np.array(data, dtype=np.float32)
    except ValueError:  # lists of different lengths, or lists beside numbers
        values = np.empty(0, dtype=np.float32)
    except FloatingPointError as error:
        raise InvalidTensorError(
            f"A value of {INPUT} is beyond float32.",
            user_action="Send null for a value that is missing, or look at how it was computed.",
        ) from error
    if values.shape not in (shape, (shape[0] * shape[1],)):
        raise _misfit(shape)
    return values.reshape(shape)


def _misfit(shape: tuple[int, int]) -> InvalidTensorError:
    return InvalidTensorError(
        f"The data of {INPUT} do not fit its shape {list(shape)}.",
        user_action="Send the values row by row, flat or as one list for each row.",
    )


def _binary_outputs(request: _Request | _LargeRequest, wanted: tuple[str, ...]) -> frozenset[str]:
    """Return which outputs go as bytes: all, or those that say so themselves."""
    every = bool((request.parameters or {}).get("binary_data_output", False))
    binary = dict.fromkeys(wanted, every)
    for output in request.outputs or ():
        parameters = dict(output.parameters or {})
        if "binary_data" in parameters:
            binary[output.name] = bool(parameters.pop("binary_data"))
        if parameters:
            raise refuse_request(
                f"outputs.{output.name}",
                f"the parameter {next(iter(parameters))[:64]!r} is not known here",
                "Outputs take binary_data only.",
            )
    return frozenset(name for name, chosen in binary.items() if chosen)


def _binary_fault(message: str) -> InvalidRequestError:
    return refuse_request(
        INPUT,
        message,
        f"Say in parameters.{_BINARY_SIZE} and Inference-Header-Content-Length how long they are.",
    )
