"""What fields an event of a type has, for those who read it by field name.

Feature specs and rules are checked against this when they are parsed, so that a misspelt field is an
error in the file and not a value that is never there.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from sentinel_core.events.login import Login
from sentinel_core.events.transaction import Transaction

FieldType = Literal["number", "string", "numbers"]
Label = Literal["fraud", "legitimate"]
"""What feedback can make of an event; ``escalated`` is a status and no label."""

PAYLOADS: dict[str, type[BaseModel]] = {"Transaction": Transaction, "Login": Login}
"""Payload class by event type."""

MONEY_SCALE = 10_000
"""Money is summed as an integer of ten-thousandths: ISO 4217 has currencies with four decimals."""
NUMBER_SCALE = 1_000_000
"""Other numbers are summed as an integer of millionths."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event type.

    ``choices`` are the only values a string may take, where the type bounds them. ``scale`` is what
    a number is multiplied with before it is summed as an integer. ``required`` fields are in every
    event of the type.
    """

    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    scale: int = NUMBER_SCALE
    required: bool = False


@dataclass(frozen=True, slots=True)
class EventSchema:
    """The flat fields of one event type: its entities (strings) and its payload."""

    type: str
    fields: dict[str, Field]
    entity_kinds: tuple[str, ...]
    split_kinds: tuple[str, ...]


def schema_of(event_type: str) -> EventSchema:
    """Return the schema of an event type.

    Raises
    ------
    KeyError
        The type is not one of `PAYLOADS`; callers parse it before.
    """
    return _SCHEMAS[event_type]


def _build(event_type: str, payload: type[BaseModel]) -> EventSchema:
    kinds: tuple[str, ...] = payload.entity_kinds  # type: ignore[attr-defined]  # payloads have it
    split: tuple[str, ...] = payload.split_kinds  # type: ignore[attr-defined]  # payloads have it
    fields = {kind: Field(kind, "string") for kind in kinds}
    for name, info in payload.model_fields.items():
        scale = MONEY_SCALE if name == "amount" else NUMBER_SCALE
        kind_of, choices = _type_of(info.annotation)
        fields[name] = Field(name, kind_of, choices, scale, info.is_required())
    return EventSchema(event_type, fields, kinds, split)


def _type_of(annotation: Any) -> tuple[FieldType, tuple[str, ...]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = next(a for a in get_args(annotation) if a is not type(None))
        return _type_of(inner)
    if origin is Literal:
        return "string", tuple(str(a) for a in get_args(annotation))
    if origin is tuple:
        return "numbers", ()
    return ("number", ()) if annotation is float else ("string", ())


_SCHEMAS = {name: _build(name, payload) for name, payload in PAYLOADS.items()}
