"""What a list is: values of one field of an event, each with who put it there, why and until when."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sentinel_core.clock import format_us
from sentinel_core.ids import digest_json
from sentinel_core.resources.metadata import Declaration, ObjectName

ListKind = Literal["block", "trust", "watch"]

DEFAULT_CAP = 20.0
"""Score that an entry of a trust list allows: below MEDIUM (30) in the default levels, above 0."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a list.

    Attributes
    ----------
    expires_at_us : microseconds since 1970-01-01 UTC from which the entry no longer counts; None
        never ends
    author : who put it there
    reason : why, as part of a sentence that an analyst reads
    """

    value: str
    expires_at_us: int | None
    author: str
    reason: str

    def counts(self, at_us: int) -> bool:
        """Tell whether the entry has not expired for an event received at a time."""
        return self.expires_at_us is None or at_us < self.expires_at_us


class ListHeader(Declaration):
    """What a list says about itself, before its entries."""

    name: ObjectName = Field(max_length=63, description="Name of the list.")
    kind: Literal["Block", "Trust", "Watch"] = Field(
        description="Block scores 1, Watch 0.5; Trust caps the score."
    )
    field: str = Field(
        description="Kind of entity, or text field of the event, whose values are listed.",
        min_length=1,
        max_length=63,
        examples=["card"],
    )
    cap: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None, description="Highest score that an entry allows, with kind: Trust only; 20 if absent."
    )

    @model_validator(mode="after")
    def _cap_goes_with_trust(self) -> ListHeader:
        if self.cap is not None and self.kind != "Trust":
            message = f"cap goes with kind: Trust, not with {self.kind}"
            raise ValueError(message)
        return self


@dataclass(frozen=True)
class WatchList:
    """A checked list.

    Attributes
    ----------
    field : kind of entity, or text field of the event, whose values are listed
    entries : by value, as `normalise` writes it
    cap : highest score in [0, 100] that an entry allows; None for lists other than trust
    """

    name: str
    kind: ListKind
    field: str
    entries: Mapping[str, Entry] = dataclasses.field(repr=False)
    cap: float | None = None

    @cached_property
    def digest(self) -> str:
        """Name of the list by its content; the order of its entries does not matter."""
        return digest_json(self.plain())

    def plain(self) -> dict[str, Any]:
        """Return the list as plain JSON, from which `parse_plain` makes an equal one."""
        plain: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind.capitalize(),
            "field": self.field,
            "entries": [_plain_entry(self.entries[value]) for value in sorted(self.entries)],
        }
        return plain if self.cap is None else plain | {"cap": self.cap}


def normalise(field_name: str, value: str) -> str | None:
    """Write a value of a field in the one form in which lists hold it, or None if it has none.

    Values are compared as events carry them, letter by letter. Only addresses have several ways to
    be written (RFC 5952); both sides take the shortest one.

    Examples
    --------
    >>> normalise("ip", "2001:DB8:0::1"), normalise("card", "c-1"), normalise("ip", "here")
    ('2001:db8::1', 'c-1', None)
    """
    if field_name != "ip":
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def _plain_entry(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "value": entry.value,
        "reason": entry.reason,
        "author": entry.author,
    }
    if entry.expires_at_us is not None:
        plain["expires"] = format_us(entry.expires_at_us)
    return plain
