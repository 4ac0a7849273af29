"""Requests of the inference protocol that must be refused, and what the refusal must say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.model_server import NAME

INFER = f"/v2/models/{NAME}/infer"
VERSIONS = f"/v2/models/{NAME}/versions"
JSON_LENGTH = "Inference-Header-Content-Length"
UNKNOWN = f"sha256:{'1' * 64}"
VALUES = b"123456781234"
"""Three of them, as bytes."""
MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Malformed:
    """One request to a model of three features; ``words`` are a part of what it is answered."""

    title: str
    status: int
    words: str
    body: bytes = b""
    path: str = INFER
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]} | changes


def body(*inputs: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"inputs": list(inputs), **more}).encode()


def one(title: str, words: str, **changes: Any) -> Malformed:
    return Malformed(title, 400, words, body(tensor(**changes)))


def without(name: str) -> bytes:
    left = tensor()
    del left[name]
    return body(left)


def raw(old: str, new: str) -> bytes:
    """Return a request's text with one part replaced, for what a JSON writer would not write."""
    text = body(tensor()).decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def binary(title: str, words: str, size: Any, data: bytes, length: str | None = None) -> Malformed:
    """Return a request with bytes after its JSON; ``length`` is what it says of the JSON's."""
    head = tensor(parameters={"binary_data_size": size})
    del head["data"]
    text = body(head)
    says = str(len(text)) if length is None else length
    return Malformed(title, 400, words, text + data, headers={JSON_LENGTH: says})


def text(title: str, words: str, sent: bytes) -> Malformed:
    return Malformed(title, 400, words, sent)


def output(title: str, words: str, *wanted: dict[str, Any], rows: int = 1) -> Malformed:
    """Return a request for outputs that are not given."""
    return text(title, words, body(tensor(shape=[rows, 3], data=[0.0] * 3 * rows), outputs=wanted))


def parameter(name: str) -> dict[str, Any]:
    return {"name": "margin", "parameters": {name: 2}}


def elsewhere(title: str, words: str, path: str) -> Malformed:
    """Return a sound request to a path that is not there."""
    return Malformed(title, 404, words, body(tensor()), path=path)


NO_JSON = (
    text("no body", "body: Input data was truncated", b""),
    text("no JSON", "body: JSON is malformed", b"inputs=1"),
    text("JSON that breaks off", "body: Input data was truncated", body(tensor())[:-4]),
    text("JSON with more behind it", "body: JSON is malformed", body(tensor()) + b"{}"),
    text("no UTF-8", "body: 'utf-8'", body(tensor()).replace(b'input"', b'\xff"')),
    text("a list", "Expected `object`, got `array`", b"[]"),
    text("a number", "Expected `object`, got `int`", b"1"),
    text("lists without an end", "body: ", b"[" * 200_000),
    text("objects without an end", "body: ", b'{"parameters":' + b'{"a":' * 200_000),
    text("NaN as a word", "body: JSON is malformed", raw("[1, 2, 3]", "[NaN, 2, 3]")),
    text("infinity as a word", "body: JSON is malformed", raw("[1, 2, 3]", "[1, Infinity, 3]")),
)
FIELDS = (
    text("no inputs", "missing required field `inputs`", b"{}"),
    text("inputs are an object", "$.inputs", b'{"inputs": {}}'),
    text("inputs are empty", "The inputs are none", body()),
    text("two inputs", "The inputs are input, input", body(tensor(), tensor())),
    text("an id that is a number", "$.id", body(tensor(), id=7)),
    text("parameters that are a list", "$.parameters", body(tensor(), parameters=[])),
    text("no name", "missing required field `name`", without("name")),
    text("no shape", "missing required field `shape`", without("shape")),
    text("no datatype", "missing required field `datatype`", without("datatype")),
    text("no data", "input: it has no data", without("data")),
    one("another name", "The inputs are amount", name="amount"),
    one("another type", "input is of FP64, not FP32", datatype="FP64"),
    one("a type that is a number", "$.inputs[0].datatype", datatype=32),
)
SHAPES = (
    one("a flat shape", "The shape of input is [3], not [rows, 3]", shape=[3]),
    one("a deeper shape", "The shape of input is [1, 1, 3]", shape=[1, 1, 3]),
    one("too few columns", "The shape of input is [1, 2]", shape=[1, 2]),
    one("no rows", "The shape of input is [0, 3]", shape=[0, 3], data=[]),
    one("a negative size", "The shape of input is [-1, 3]", shape=[-1, 3]),
    one("a size that is a fraction", "$.inputs[0].shape[0]", shape=[1.5, 3]),
    one("a size beyond 64 bits", "rows; the server takes 10000", shape=[10**30, 3]),
    one("too many rows", "There are 10001 rows", shape=[10_001, 3], data=[0.0] * 30_003),
)
DATA = (
    one("too little data", "do not fit its shape [1, 3]", data=[1, 2]),
    one("too much data", "do not fit its shape [1, 3]", data=[1, 2, 3, 4]),
    one("rows of another length", "do not fit its shape [1, 3]", data=[[1, 2], [3]]),
    one("rows beside numbers", "do not fit its shape [1, 3]", data=[[1, 2, 3], 4]),
    one("more rows than the shape", "do not fit its shape [1, 3]", data=[[1, 2, 3], [4, 5, 6]]),
    one("lists in rows", "$.inputs[0].data[0][0]", data=[[[1, 2, 3]]]),
    one("a word for a number", "$.inputs[0].data[1]", data=[1, "2", 3]),
    one("true for a number", "$.inputs[0].data[0]", data=[True, 2, 3]),
    one("a value beyond float32", "A value of input is beyond float32", data=[1e39, 2, 3]),
    text("a value beyond float64", "Number out of range", raw("[1, 2, 3]", "[1e999, 2, 3]")),
)
OUTPUTS = (
    output("an unknown output", "the model has no output 'score'", {"name": "score"}),
    output("an output twice", "outputs: an output is named twice", *[{"name": "margin"}] * 2),
    output("an output without a name", "$.outputs[0]", {}),
    output("classes", "'classification' is not known", parameter("classification")),
    output("shared memory", "'shared_memory_region' is", parameter("shared_memory_region")),
    output("too many rows to explain", "101 rows", {"name": "contributions"}, rows=101),
)
BYTES = (
    binary("too few bytes", "input: 8 bytes follow, not 12", 12, VALUES[:8]),
    binary("too many bytes", "input: 13 bytes follow, not 12", 12, VALUES + b"1"),
    binary("bytes for another shape", "its shape [1, 3] needs 12", 8, VALUES[:8]),
    binary("a length that is a word", "input: 12 bytes follow, not many", "many", VALUES),
    binary("a negative length", "input: 12 bytes follow, not -12", -12, VALUES),
    binary("a JSON longer than the body", "the body has", 12, VALUES, "100000"),
    binary("a length of JSON that is none", "it is no length", 12, VALUES, "-5"),
    binary("a length within the JSON", "Input data was truncated", 12, VALUES, "20"),
    one("bytes and data", "it has data and bytes", parameters={"binary_data_size": 0}),
    Malformed(
        "bytes that nobody claims", 400, "12 bytes follow that no input claims",
        body(tensor()) + VALUES, headers={JSON_LENGTH: str(len(body(tensor())))},
    ),
)  # fmt: skip
HTTP = (
    Malformed("a large body", 413, f"more than {MAX_BODY_BYTES}", b" " * (MAX_BODY_BYTES + 1)),
    Malformed(
        "a compressed body", 415, "The encoding 'gzip' is not taken", body(tensor()),
        headers={"Content-Encoding": "gzip"},
    ),
    Malformed("GET for POST", 405, "Use POST", method="GET"),
    Malformed("POST for GET", 405, "Use GET", path="/v2", body=b"{}"),
    Malformed("DELETE of a model", 405, "Use GET", path=f"/v2/models/{NAME}", method="DELETE"),
    elsewhere("an unknown model", "There is no model 'other'", "/v2/models/other/infer"),
    elsewhere("an unknown version", f"no version '{UNKNOWN}'", f"{VERSIONS}/{UNKNOWN}/infer"),
    elsewhere("a version with a slash", "There is no version '..'", f"{VERSIONS}/..%2F1/infer"),
    elsewhere("a path beside the protocol", "There is no such path", "/v2/repository/index"),
    elsewhere("a path of version 1", "There is no such path", f"/v1/models/{NAME}:predict"),
)  # fmt: skip
MALFORMED = (*NO_JSON, *FIELDS, *SHAPES, *DATA, *OUTPUTS, *BYTES, *HTTP)
