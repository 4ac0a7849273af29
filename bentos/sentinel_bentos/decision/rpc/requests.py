"""From the messages of a request to what the core validates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from sentinel_bentos.decision.bodies import MAX_BATCH_EVENTS, too_large
from sentinel_bentos.decision.problems import invalid_request, not_json
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.errors import Problem

Request = TypeVar("Request", bound=Message)

MAX_TOLD_PROBLEMS = 10
"""Faults that a client is told of one request; what it makes wrong once it makes wrong everywhere."""
MAX_NAMED_BYTES = 1024
"""Of unknown fields of which the first are named: some 500 at most."""
_STUBS = "build the stubs from sentinel/v1/decision.proto"
_TYPES = {"transaction": "Transaction", "login": "Login"}
"""Type of event by the name of its payload's field."""


def parse_message(data: bytes, message: type[Request], max_bytes: int) -> Request:
    """Read a request.

    Raises
    ------
    TooLargeError
        There are more bytes. Retryable: no.
    InvalidRequestError
        The bytes are no such message, it has fields that are not known here, or it is a batch of
        none or of too many events. Retryable: no.
    """
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    try:
        request: Request = message.FromString(data)
    except DecodeError as error:
        problem = Problem("message", f"is no {message.DESCRIPTOR.full_name}: {error}", _STUBS)
        raise invalid_request([problem]) from error
    if isinstance(request, pb.ScoreBatchRequest):
        _require_few_events(request)
    _require_known_fields(request)
    return request


def _require_few_events(batch: pb.ScoreBatchRequest) -> None:
    """Count before each event is looked at: the largest request has room for a million empty ones."""
    if not 1 <= len(batch.events) <= MAX_BATCH_EVENTS:
        raise not_json("events", f"{len(batch.events)} events, not 1 to {MAX_BATCH_EVENTS}")


def _require_known_fields(request: Message) -> None:
    unknown_bytes = _count_unknown_bytes(request)
    if unknown_bytes == 0:
        return
    # Very many are not even counted: protobuf takes 0.7 us to make an object of each.
    fields = _unknown_fields(request, "") if unknown_bytes <= MAX_NAMED_BYTES else iter(())
    problems = list(islice(fields, MAX_TOLD_PROBLEMS))
    if not problems or len(problems) == MAX_TOLD_PROBLEMS:
        message = f"has {unknown_bytes} bytes of fields that are not known here"
        problems[MAX_TOLD_PROBLEMS - 1 :] = [Problem("message", message, _STUBS)]
    raise invalid_request(problems)


def _count_unknown_bytes(request: Message) -> int:
    known = type(request)()
    known.CopyFrom(request)
    known.DiscardUnknownFields()
    return int(request.ByteSize() - known.ByteSize())


def event_fields(event: pb.Event) -> dict[str, Any]:
    """Return an event as the JSON of the other API has it; what was not set is not there."""
    fields: dict[str, Any] = {"id": event.id, "entities": dict(event.entities)}
    if event.HasField("tenant"):
        fields["tenant"] = event.tenant
    if event.HasField("occurred_at"):
        fields["occurred_at"] = _rfc3339(event.occurred_at)
    payload = event.WhichOneof("payload")
    if payload is not None:
        fields["type"] = _TYPES[payload]
        fields["payload"] = {
            field.name: list(value) if field.is_repeated else value
            for field, value in getattr(event, payload).ListFields()
        }
    return fields


def _rfc3339(moment: Timestamp) -> str:
    """Write a time with all its digits; one outside of the calendar as no time at all."""
    try:
        text: str = moment.ToJsonString()
    except ValueError:
        return f"{moment.seconds} seconds, {moment.nanos} nanoseconds"
    return text


def _unknown_fields(message: Message, path: str) -> Iterator[Problem]:
    """Name the fields of a message, and of those in it, that are not in our .proto."""
    for unknown in UnknownFieldSet(message):
        yield Problem(f"{path}field {unknown.field_number}", "is not known here", "leave it out")
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner = value if field.is_repeated else [value]
        for index, one in enumerate(inner):
            place = f"{path}{field.name}.{index}." if field.is_repeated else f"{path}{field.name}."
            yield from _unknown_fields(one, place)
