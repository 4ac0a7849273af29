"""The envelope around every event, and the only place where an event is validated.

After this module an event is trusted: times are integers, ids are bounded, money fits its currency.
Nothing has changed yet when an event is refused.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from sentinel_core.clock import MINUTE_US, format_us, to_us
from sentinel_core.errors import InvalidEventError, NotFoundError, Problem
from sentinel_core.events.login import Login
from sentinel_core.events.transaction import Transaction
from sentinel_core.ids import canonical_json, digest_bytes

EventType = Literal["Transaction", "Login"]
Payload = Transaction | Login
Fields = dict[str, Any]
"""An event seen flat: entity kinds and payload fields by name. Absent fields are absent keys."""

OLDEST_US = to_us(datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
MAX_AHEAD_US = 5 * MINUTE_US
"""How far a client's clock may run ahead of ours before its event is refused."""

_MEND = "Correct the fields named above and send the event again."
_FINER_THAN_A_MICROSECOND = re.compile(r"[.,][0-9]{7}")


def _rfc3339(value: object) -> object:
    if not (isinstance(value, str) and "T" in value.upper()):
        message = "write a time such as 2018-08-29T12:00:00Z"
        raise ValueError(message)
    if _FINER_THAN_A_MICROSECOND.search(value):
        message = "a time is no finer than a microsecond; write at most six decimals"
        raise ValueError(message)
    return value


def _looks_like_card_number(text: str) -> bool:
    """Tell whether a string is 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1).

    Spaces and hyphens do not count: cards are printed and typed with them.
    """
    text = text.replace(" ", "").replace("-", "")
    if not (13 <= len(text) <= 19 and text.isascii() and text.isdigit()):
        return False
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(text))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def entity_fault(kind: str, entity: str) -> str | None:
    """Say what is wrong with an entity's id beyond its length and characters; None where nothing is."""
    if kind == "card" and _looks_like_card_number(entity):
        return "looks like a card number; send a token for it"
    if kind == "ip":
        try:
            ipaddress.ip_address(entity)
        except ValueError:
            return "is no IPv4 or IPv6 address"
    return None


EventId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
EntityId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339), Field(strict=False)]


class _Envelope(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    id: EventId
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] | None = None
    occurred_at: Moment
    entities: Annotated[dict[str, EntityId], Field(max_length=8)] = {}


class TransactionEvent(_Envelope):
    """A Transaction as it comes over the wire."""

    type: Literal["Transaction"]
    payload: Transaction


class LoginEvent(_Envelope):
    """A Login as it comes over the wire."""

    type: Literal["Login"]
    payload: Login


def _type_of(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else None


WireEvent = Annotated[
    Annotated[TransactionEvent, Tag("Transaction")] | Annotated[LoginEvent, Tag("Login")],
    Discriminator(_type_of),
]
"""What a client sends; the OpenAPI document is made from it."""

_WIRE: TypeAdapter[TransactionEvent | LoginEvent] = TypeAdapter(WireEvent)


@dataclass(frozen=True)
class Event:
    """One validated event.

    Attributes
    ----------
    id : unique within the tenant; the first arrival of an id counts
    occurred_at_us, received_at_us : microseconds since 1970-01-01 UTC
    entities : id of each entity it touches, by kind
    """

    id: str
    tenant: str
    type: EventType
    occurred_at_us: int
    received_at_us: int
    entities: dict[str, str]
    payload: Payload

    @cached_property
    def body(self) -> dict[str, Any]:
        """The event as plain JSON values, without ``received_at``."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "type": self.type,
            "occurred_at": format_us(self.occurred_at_us),
            "entities": self.entities,
            "payload": self.payload.model_dump(mode="json", exclude_none=True),
        }

    @cached_property
    def canonical(self) -> bytes:
        """The body as canonical JSON, which is recorded and named by `digest`."""
        return canonical_json(self.body)

    @cached_property
    def digest(self) -> str:
        """Name of the content, by which a second arrival is known as the same or another event."""
        return digest_bytes(self.canonical)

    @cached_property
    def fields(self) -> Fields:
        """The event seen flat, as features, rules and lists read it."""
        present = {k: v for k, v in self.payload.__dict__.items() if v is not None}
        return self.entities | present


def parse_event(data: bytes | str | dict[str, Any], *, tenant: str, received_at_us: int) -> Event:
    """Validate what a client sent.

    Parameters
    ----------
    data : bytes, str or dict
        JSON text, or JSON already read.
    tenant : str
        From the credential. A tenant in the body must be the same one.
    received_at_us : int
        When we got it, in microseconds since 1970-01-01 UTC.

    Raises
    ------
    InvalidEventError
        With every fault named by its field. Retryable: no.
    NotFoundError
        The body names another tenant. Retryable: no.
    """
    try:
        if isinstance(data, dict):
            wire = _WIRE.validate_python(data)
        else:
            wire = _WIRE.validate_json(data)
    except ValidationError as error:
        raise _refusal(_problems(error)) from error
    return from_wire(wire, tenant=tenant, received_at_us=received_at_us)


def from_wire(wire: TransactionEvent | LoginEvent, *, tenant: str, received_at_us: int) -> Event:
    """Turn a wire event into an `Event`: check tenant, entities and time. Raises as `parse_event`."""
    if wire.tenant is not None and wire.tenant != tenant:
        # Not found rather than invalid: another tenant's name must not be confirmed to exist.
        raise NotFoundError(
            "The tenant of the event is not found.", user_action="Leave tenant out of the body."
        )
    occurred_at_us = to_us(wire.occurred_at)
    problems = _entity_problems(wire) + _time_problems(occurred_at_us, received_at_us)
    if problems:
        raise _refusal(problems)
    return Event(
        wire.id, tenant, wire.type, occurred_at_us, received_at_us, wire.entities, wire.payload
    )


def _entity_problems(wire: TransactionEvent | LoginEvent) -> list[Problem]:
    problems = []
    for kind, entity in wire.entities.items():
        place = f"entities.{kind}"
        if kind not in wire.payload.entity_kinds:
            kinds = ", ".join(wire.payload.entity_kinds)
            problems.append(Problem(place, f"is no entity of a {wire.type}", f"it has {kinds}"))
            continue
        fault = entity_fault(kind, entity)
        if fault is not None:
            problems.append(Problem(place, fault, "correct or drop it"))
    return problems


def _time_problems(occurred_at_us: int, received_at_us: int) -> list[Problem]:
    if occurred_at_us < OLDEST_US:
        return [Problem("occurred_at", "lies before the year 2000", "check its unit")]
    if occurred_at_us > received_at_us + MAX_AHEAD_US:
        message = f"lies more than 5 minutes after {format_us(received_at_us)}, when it came"
        return [Problem("occurred_at", message, "set the sender's clock")]
    return []


def _problems(error: ValidationError) -> list[Problem]:
    return [_problem(fault) for fault in error.errors(include_url=False)]


def _problem(fault: ErrorDetails) -> Problem:
    if fault["type"].startswith("union_tag"):
        if not isinstance(fault["input"], dict):
            return Problem("event", "is not a JSON object", 'write {"id": ..., "type": ..., ...}')
        message = "is not a type of event" if "type" in fault["input"] else "is missing"
        return Problem("type", message, f"write one of {', '.join(get_args(EventType))}")
    loc = fault["loc"]
    if loc and loc[0] in get_args(EventType):  # the member of the union, no part of the body
        loc = loc[1:]
    message = fault["msg"].removeprefix("Value error, ")
    return Problem(".".join(map(str, loc)) or "event", message, f"fault {fault['type']}")


def _refusal(problems: list[Problem]) -> InvalidEventError:
    names = ", ".join(p.location for p in problems)
    return InvalidEventError(
        f"The event is not valid: {names}.", tuple(problems), user_action=_MEND
    )
