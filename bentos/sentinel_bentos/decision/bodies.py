"""Request bodies: read once, up to a limit, declared and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError

from sentinel_bentos.decision.problems import invalid_request, not_json
from sentinel_bentos.http_errors import UnsupportedMediaTypeError
from sentinel_core.errors import Problem, TooLargeError

MAX_EVENT_BYTES = 64 * 1024
"""Largest single event or verdict. The largest valid transaction has about 4 KiB."""
MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Largest batch: 1,000 events of 2 KiB, which is five times a usual one."""
MAX_BATCH_EVENTS = 1000

Model = TypeVar("Model", bound=BaseModel)


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_BATCH = msgspec.json.Decoder(_Batch)


async def read_json(request: Request, max_bytes: int) -> bytes:
    """Read the body of a request that says it is JSON.

    Raises
    ------
    UnsupportedMediaTypeError
        The content type is another one. Browsers send forms and plain text across sites without
        asking, but JSON never, so this also keeps pages of other sites out. Retryable: no.
    TooLargeError
        There are more bytes, announced or sent. Retryable: no.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise UnsupportedMediaTypeError(
            f"The content type is {declared[:64] or 'not given'}.",
            user_action="Send JSON with Content-Type: application/json.",
        )
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large(max_bytes)
    return bytes(body)


def too_large(max_bytes: int) -> TooLargeError:
    """Build the refusal of a body over its limit."""
    return TooLargeError(
        f"The body has more than {max_bytes} bytes.",
        user_action="Send fewer events at once, or leave out what the event does not need.",
    )


def require_plain_json(data: bytes) -> None:
    """Refuse JSON that two readers may read as two different things.

    The readers that follow take the last of two equal keys and accept NaN; another one on the way
    here may take the first, and so see another event than the one that is decided.

    Raises
    ------
    InvalidRequestError
        The text is not JSON in UTF-8, is nested deeper than Python reads, gives a key twice or has
        NaN or an infinity. Retryable: no.
    """
    try:
        json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise not_json("body", f"not JSON that has one meaning: {error}") from error


def parse_body(data: bytes, model: type[Model]) -> Model:
    """Validate a body that is not an event. Raises `InvalidRequestError`, which is not retryable."""
    require_plain_json(data)
    with _faults_as_problems():
        return model.model_validate_json(data)


def parse_fields(fields: Mapping[str, Any], model: type[Model]) -> Model:
    """Validate what came as a message. Raises as `parse_body`."""
    with _faults_as_problems():
        return model.model_validate(fields)


@contextmanager
def _faults_as_problems() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise invalid_request(
            [
                Problem(".".join(str(p) for p in f["loc"]) or "body", f["msg"], f["type"])
                for f in faults
            ]
        ) from error


def split_batch(data: bytes) -> list[bytes]:
    """Cut a batch into the texts of its events, in order, without reading the events themselves.

    Raises
    ------
    InvalidRequestError
        The body is not ``{"events": [...]}`` with 1 to 1,000 items. Retryable: no.
    """
    try:
        events = _BATCH.decode(data).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json("events", f"not a batch: {error}") from error
    if not 1 <= len(events) <= MAX_BATCH_EVENTS:
        raise not_json("events", f"{len(events)} events, not 1 to {MAX_BATCH_EVENTS}")
    return [bytes(event) for event in events]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = f"the key {_find_twice(pairs)[:64]!r} is given twice"
        raise ValueError(message)
    return members


def _find_twice(pairs: list[tuple[str, Any]]) -> str:
    """Return the first key that was there before; look each up once, for there may be thousands."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError  # the caller has fewer keys than pairs


def _no_constant(name: str) -> Any:
    message = f"{name} is not a number of JSON"
    raise ValueError(message)
