"""From the messages of a request to what the core validates."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from sentinel_bentos.decision.bodies import too_large
from sentinel_bentos.decision.problems import invalid_request
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.errors import Problem

Request = TypeVar("Request", bound=Message)

_TYPES = {"transaction": "Transaction", "login": "Login"}
"""Type of event by the name of its payload's field."""


def parse_message(data: bytes, message: type[Request], max_bytes: int) -> Request:
    """Read a request.

    Raises
    ------
    TooLargeError
        There are more bytes. Retryable: no.
    InvalidRequestError
        The bytes are no such message, or it has fields that are not known here. Retryable: no.
    """
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    try:
        request: Request = message.FromString(data)
    except DecodeError as error:
        hint = "build the stubs from sentinel/v1/decision.proto"
        problem = Problem("message", f"is no {message.DESCRIPTOR.full_name}: {error}", hint)
        raise invalid_request([problem]) from error
    problems = _unknown_fields(request, "")
    if problems:
        raise invalid_request(problems)
    return request


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


def _unknown_fields(message: Message, path: str) -> list[Problem]:
    """Name the fields of a message, and of those in it, that are not in our .proto."""
    problems = [
        Problem(f"{path}field {unknown.field_number}", "is not known here", "leave it out")
        for unknown in UnknownFieldSet(message)
    ]
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner = list(value) if field.is_repeated else [value]
        for index, one in enumerate(inner):
            place = f"{path}{field.name}.{index}." if field.is_repeated else f"{path}{field.name}."
            problems += _unknown_fields(one, place)
    return problems
