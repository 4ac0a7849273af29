"""Requests that must be refused: what is wrong, what is sent, and what the refusal must name."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from tests.support.decision_server import wire_payment

JSON = "application/json"
KEPT_CARD = "untouched"
"""The card of every payment here, so that one that got through would be seen in its windows."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """One request.

    ``names`` is the field that the refusal must name, or for other statuses than 422 a part of what
    it must say.
    """

    title: str
    status: int
    names: str
    body: bytes
    path: str = "/score"
    content_type: str | None = JSON
    method: str = "POST"


def payment(**changes: Any) -> dict[str, Any]:
    return wire_payment("malformed", card=KEPT_CARD) | changes


def at(path: str, value: Any) -> bytes:
    """Return a payment with one value put at a dotted path."""
    body = copy.deepcopy(payment())
    *parents, last = path.split(".")
    node = body
    for parent in parents:
        node = node[parent]
    node[last] = value
    return json.dumps(body).encode()


def without(path: str) -> bytes:
    body = copy.deepcopy(payment())
    *parents, last = path.split(".")
    node = body
    for parent in parents:
        node = node[parent]
    del node[last]
    return json.dumps(body).encode()


def raw(old: str, new: str) -> bytes:
    """Return a payment's text with one part replaced, for what a JSON writer would not write."""
    text = json.dumps(payment())
    assert old in text
    return text.replace(old, new, 1).encode()


def event(title: str, names: str, body: bytes) -> Malformed:
    return Malformed(title, 422, names, body)


def batch(title: str, body: bytes, status: int = 422, names: str = "events") -> Malformed:
    return Malformed(title, status, names, body, path="/score/batch")


def feedback(title: str, names: str, body: bytes) -> Malformed:
    return Malformed(title, 422, names, body, path="/transactions/known/feedback")


_TEXT = json.dumps(payment()).encode()
_DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000

MALFORMED = (
    # Not JSON, or JSON that two readers read differently
    event("an empty body", "body", b""),
    event("white space", "body", b"   "),
    event("truncated", "body", _TEXT[:-7]),
    event("two documents", "body", _TEXT + _TEXT),
    event("a trailing comma", "body", _TEXT[:-1] + b",}"),
    event("single quotes", "body", _TEXT.replace(b'"', b"'")),
    event("a comment", "body", b"/* */" + _TEXT),
    event("not UTF-8", "body", _TEXT.replace(b"untouched", b"\xff\xfe")),
    event("UTF-16", "body", _TEXT.decode().encode("utf-16")),
    event("a byte order mark", "body", b"\xef\xbb\xbf" + _TEXT),
    event("NaN", "body", raw("10.5", "NaN")),
    event("Infinity", "body", raw("10.5", "Infinity")),
    event("minus Infinity", "body", raw("10.5", "-Infinity")),
    event("nested 5,000 deep", "body", _DEEP),
    event("a key twice", "body", raw('"id": "malformed"', '"id": "malformed", "id": "other"')),
    event("a key twice inside", "body", raw('"amount": 10.5', '"amount": 1, "amount": 2')),
    event("a hexadecimal number", "body", raw("10.5", "0x10")),
    event("a leading zero", "body", raw("10.5", "010.5")),
    event("a control character", "body", raw("malformed", "mal\x01formed")),
    # JSON, but no event
    event("null", "event", b"null"),
    event("a list", "event", b"[]"),
    event("a string", "event", b'"event"'),
    event("a number", "event", b"7"),
    event("an empty object", "type", b"{}"),
    # The envelope
    event("no id", "id", without("id")),
    event("a number as id", "id", at("id", 7)),
    event("an empty id", "id", at("id", "")),
    event("an id of 129 characters", "id", at("id", "x" * 129)),
    event("an id with a space", "id", at("id", "a b")),
    event("an id with a line end", "id", at("id", "a\n")),
    event("an id with a zero byte", "id", at("id", "a\x00")),
    event("an id in other letters", "id", at("id", "идентификатор")),
    event("half a surrogate in the id", "event", raw('"malformed"', '"\\ud800"')),
    event("no type", "type", without("type")),
    event("a type that is not there", "type", at("type", "Refund")),
    event("a type in lower case", "type", at("type", "transaction")),
    event("a list as type", "type", at("type", ["Transaction"])),
    event("a field that is not there", "color", at("color", "red")),
    event("received_at by the client", "received_at", at("received_at", "2024-05-01T12:00:00Z")),
    event("a number as tenant", "tenant", at("tenant", 1)),
    event("a tenant that cannot be", "tenant", at("tenant", "No Tenant")),
    Malformed("a foreign tenant", 404, "tenant", at("tenant", "other")),
    # Times
    event("no time", "occurred_at", without("occurred_at")),
    event("a time as a number", "occurred_at", at("occurred_at", 1714564800)),
    event("a date without a time", "occurred_at", at("occurred_at", "2024-05-01")),
    event("a time without a zone", "occurred_at", at("occurred_at", "2024-05-01T12:00:00")),
    event("a 13th month", "occurred_at", at("occurred_at", "2024-13-01T12:00:00Z")),
    event("a day that is not there", "occurred_at", at("occurred_at", "2023-02-29T12:00:00Z")),
    event("a time in words", "occurred_at", at("occurred_at", "Today")),
    event("a time before 2000", "occurred_at", at("occurred_at", "1999-12-31T23:59:59Z")),
    event("a time far ahead", "occurred_at", at("occurred_at", "2999-01-01T00:00:00Z")),
    # Entities
    event("entities as a list", "entities", at("entities", ["card"])),
    event("a kind that is not there", "entities.wallet", at("entities.wallet", "w1")),
    event("a number as an entity", "entities.card", at("entities.card", 4)),
    event("an empty entity", "entities.card", at("entities.card", "")),
    event("an entity of 129 characters", "entities.card", at("entities.card", "x" * 129)),
    event("an entity with a line end", "entities.card", at("entities.card", "a\nb")),
    event("a card number", "entities.card", at("entities.card", "4111111111111111")),
    event("no IP address", "entities.ip", at("entities.ip", "999.1.1.1")),
    # The payload
    event("no payload", "payload", without("payload")),
    event("null as payload", "payload", at("payload", None)),
    event("no amount", "payload.amount", without("payload.amount")),
    event("an amount in words", "payload.amount", at("payload.amount", "10.5")),
    event("true as amount", "payload.amount", at("payload.amount", True)),
    event("null as amount", "payload.amount", at("payload.amount", None)),
    event("an amount below zero", "payload.amount", at("payload.amount", -0.01)),
    event("an amount of 10^11", "payload.amount", at("payload.amount", 1e11)),
    event("an amount of 400 digits", "payload.amount", raw("10.5", "9" * 400)),
    event("an amount that overflows", "payload.amount", raw("10.5", "1e999")),
    event("three decimals of euro", "payload", at("payload.amount", 10.555)),
    event("decimals of yen", "payload", at("payload", {"amount": 1.5, "currency": "JPY"})),
    event("no currency", "payload.currency", without("payload.currency")),
    event("a currency of no country", "payload.currency", at("payload.currency", "XYZ")),
    event("a currency in lower case", "payload.currency", at("payload.currency", "eur")),
    event("a country in words", "payload.country", at("payload.country", "Sweden")),
    event("an MCC of three digits", "payload.mcc", at("payload.mcc", "123")),
    event("a channel that is not there", "payload.channel", at("payload.channel", "pigeon")),
    event("a latitude of 91", "payload.lat", at("payload.lat", 91)),
    event("a latitude without longitude", "payload", at("payload.lat", 1)),
    event("65 vector columns", "payload.vector", at("payload.vector", [0.0] * 65)),
    event("words in the vector", "payload.vector.0", at("payload.vector", ["a"])),
    event("a payload field that is not there", "payload.tip", at("payload.tip", 1)),
    event(
        "a login, which this pipeline does not decide",
        "type",
        json.dumps(payment(type="Login", entities={}, payload={"result": "success"})).encode(),
    ),
    # The transport
    Malformed("a form", 415, "content type", b"id=1", content_type="application/x-www-form-urlencoded"),
    Malformed("plain text", 415, "content type", _TEXT, content_type="text/plain"),
    Malformed("no content type", 415, "content type", _TEXT, content_type=None),
    Malformed("an event of 64 KiB and one byte", 413, "bytes", b" " * (64 * 1024 + 1)),
    Malformed("a method that is not there", 405, "PUT", _TEXT, method="PUT"),
    Malformed("a path that is not there", 404, "path", _TEXT, path="/scores"),
    Malformed("explain that is no boolean", 422, "query.explain", _TEXT, path="/score?explain=maybe"),
    # Batches
    batch("a batch that is a list", b"[]"),
    batch("a batch of nothing", b'{"events": []}'),
    batch("a batch of 1,001", json.dumps({"events": [{}] * 1001}).encode()),
    batch("a batch without events", b"{}"),
    batch("a batch with another field", b'{"events": [{}], "mode": "fast"}'),
    batch("events that are an object", b'{"events": {}}'),
    batch("a truncated batch", b'{"events": [{'),
    batch("a batch nested 5,000 deep", b'{"events": [' + _DEEP + b"]}"),
    batch("a batch of 2 MiB and one byte", b" " * (2 * 1024 * 1024 + 1), 413, "bytes"),
    # Verdicts
    feedback("no verdict", "verdict", b"{}"),
    feedback("a verdict that is not there", "verdict", b'{"verdict": "maybe"}'),
    feedback("a verdict that is a list", "verdict", b'{"verdict": ["escalated"]}'),
    feedback("a number as note", "note", b'{"verdict": "escalated", "note": 1}'),
    feedback(
        "a note of 2,001 characters",
        "note",
        json.dumps({"verdict": "escalated", "note": "x" * 2001}).encode(),
    ),
    feedback("another field", "author", b'{"verdict": "escalated", "author": "me"}'),
    feedback("a verdict twice", "body", b'{"verdict": "escalated", "verdict": "false_positive"}'),
    Malformed("an id of no decision", 404, "decision", b"", path="/decisions/7", method="GET"),
    Malformed("an id that climbs", 404, "path", b"", path="/decisions/..%2F..%2Fx", method="GET"),
    Malformed("a replay of no decision", 404, "decision", b"", path="/decisions/7/replay"),
)  # fmt: skip
