"""The checks that every entry passes, whatever document it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from sentinel_core.clock import to_us
from sentinel_core.errors import InvalidDocumentError, Problem
from sentinel_core.events.envelope import EntityId
from sentinel_core.events.schema import PAYLOADS, EventSchema
from sentinel_core.lists.watchlist import Entry, normalise

MAX_ENTRIES = 1_000_000
"""Most entries of one list; they take about 0.4 GB of memory with reasons that differ."""
MAX_VALUE_CHARACTERS = 512
"""Longest text field of an event (a user agent); ids of entities end at 128."""
MAX_REASON_CHARACTERS = 500
MAX_AUTHOR_CHARACTERS = 128
MAX_SHOWN = 100
"""Most problems of one list that are named one by one; how many more there are is said."""

KEYS = ("value", "reason", "author", "expires")
"""What an entry consists of; all but ``expires`` are required."""

Where = Callable[[str], str]
"""Tells the location of an entry's key; of the entry itself for the empty string."""

_AnyValue = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=MAX_VALUE_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


class Faults:
    """The faults of one list: the first of them in words, the others counted."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[Problem] = []

    def add(self, location: str, message: str, hint: str) -> None:
        """Note a fault."""
        self.count += 1
        if len(self._shown) < MAX_SHOWN:
            self._shown.append(Problem(location, message, hint))

    def raise_if_any(self) -> None:
        """Raise `InvalidDocumentError` where a fault was noted. Retryable: no."""
        if not self.count:
            return
        shown = len(self._shown)
        count = "1 problem" if self.count == 1 else f"{self.count} problems"
        cut = f" and shows the first {shown}" if shown < self.count else ""
        raise InvalidDocumentError(
            f"The list has {count}{cut}.",
            tuple(self._shown),
            user_action="Correct the places named above and try again.",
        )


class EntryReader:
    """Checks entries one by one and keeps the good ones.

    Parameters
    ----------
    field : str
        What the list's values are values of.
    schema : EventSchema or None
        The type of event that the list is for. A value that no event of the type can have is a
        fault: it would look like protection and never act. None where the type is not known yet.
    """

    def __init__(self, field: str, schema: EventSchema | None, faults: Faults) -> None:
        self.entries: dict[str, Entry] = {}
        self._field = field
        self._faults = faults
        self._values = _adapter(field, schema)

    def read(self, given: Mapping[str, Any], where: Where) -> None:
        """Check one entry; what is wrong with it is noted as faults."""
        before = self._faults.count
        for key in given:
            if key not in KEYS:
                self._faults.add(where(key), f"an entry has no {key}", f"use {', '.join(KEYS)}")
        value = self._value(given.get("value"), where)
        reason = self._text("reason", given.get("reason"), MAX_REASON_CHARACTERS, where)
        author = self._text("author", given.get("author"), MAX_AUTHOR_CHARACTERS, where)
        expires_at_us = self._expiry(given.get("expires"), where)
        if self._faults.count == before:
            # Many entries share their author and reason: one copy of each is kept.
            self.entries[value] = Entry(value, expires_at_us, intern(author), intern(reason))

    def _value(self, given: Any, where: Where) -> str:
        if isinstance(given, bool | int | float):
            self._faults.add(where("value"), f"value is the number {given}", "put it in quotes")
            return ""
        if not isinstance(given, str):
            self._faults.add(where("value"), "value is no text", f"write a {self._field}")
            return ""
        try:
            value = normalise(self._field, self._values.validate_python(given))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]["msg"]
            hint = f"write a {self._field} as events carry it"
            self._faults.add(where("value"), f"value: {fault}", hint)
            return ""
        if value is None:
            self._faults.add(where("value"), f"{given} is no {self._field}", "correct it")
            return ""
        if value != value.strip():
            # It would be compared letter by letter and match nothing that people see as equal.
            self._faults.add(where("value"), f"{given!r} has white space around it", "remove it")
        if value in self.entries:
            self._faults.add(where("value"), f"{given} is listed twice", "keep one entry")
        return value

    def _text(self, key: str, given: Any, max_characters: int, where: Where) -> str:
        if not isinstance(given, str) or not given.strip():
            self._faults.add(where(key), f"{key} is no text", f"say the {key} in words")
            return ""
        if len(given) > max_characters:
            message = f"{key} has {len(given)} characters, more than {max_characters}"
            self._faults.add(where(key), message, "shorten it")
        return given

    def _expiry(self, given: Any, where: Where) -> int | None:
        if given is None:
            return None
        try:
            # A date alone would leave open in which time zone its day ends.
            moment = datetime.fromisoformat(given) if "T" in given else None
            if moment is not None and moment.tzinfo is not None:
                return to_us(moment.astimezone(UTC))
        except (TypeError, ValueError, OverflowError):
            moment = None
        hint = "write a time with its zone, such as 2027-01-01T00:00:00Z"
        self._faults.add(where("expires"), f"expires cannot be {given!r}", hint)
        return None


def check_field(field: str, schema: EventSchema | None) -> str | None:
    """Say what is wrong with listing a field of a type of event, or None."""
    if schema is None:
        return None
    texts = sorted(name for name, known in schema.fields.items() if known.type == "string")
    if field in texts:
        return None
    return f"{schema.type} has no text field {field}; it has {', '.join(texts)}"


def _adapter(field: str, schema: EventSchema | None) -> TypeAdapter[str]:
    """Return what checks a value: the very type that the event has for the field."""
    if schema is None or check_field(field, schema):
        return TypeAdapter(_AnyValue)
    if field in schema.entity_kinds:
        return TypeAdapter(EntityId)
    info = PAYLOADS[schema.type].model_fields[field]
    # Field() is there since Annotated wants one annotation at least.
    adapter: TypeAdapter[str] = TypeAdapter(
        Annotated[info.annotation, Field(), *info.metadata]  # type: ignore[arg-type]  # a text's type, known at run time
    )
    return adapter
