"""Rows of the record as their readers and writers hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.events import Event, Label, parse_event


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An accepted event as it was stored.

    ``body`` is the canonical JSON that ``digest`` is taken over; times are microseconds since
    1970-01-01 UTC.
    """

    seq: int
    tenant: str
    id: str
    type: str
    occurred_at_us: int
    received_at_us: int
    digest: str
    body: bytes

    def event(self) -> Event:
        """Read the event back.

        Raises
        ------
        InvalidEventError
            This version no longer accepts what an earlier one did. Retryable: no.
        """
        return parse_event(self.body, tenant=self.tenant, received_at_us=self.received_at_us)


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """What became known about an event.

    Attributes
    ----------
    seq : place in the one sequence of events and labels
    known_at_us : microseconds since 1970-01-01 UTC; the server's time unless backfilled
    author : who said so
    source : how it came, such as ``feedback`` or ``backfill``
    """

    seq: int
    tenant: str
    event_id: str
    label: Label
    known_at_us: int
    author: str
    source: str


@dataclass(frozen=True, slots=True)
class Status:
    """What a person said about a decision, beside any label that follows from it."""

    tenant: str
    event_id: str
    status: Literal["confirmed_fraud", "false_positive", "escalated"]
    note: str
    author: str
    set_at_us: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """A content-addressed file of history whose rows count as arrived before the first event.

    Attributes
    ----------
    digest : of the file's bytes
    path : where the file lies, relative to the folder of the record
    first_seq, last_seq : the part of the sequence that its rows take, both included
    """

    tenant: str
    digest: str
    path: str
    row_count: int
    first_seq: int
    last_seq: int
    registered_at_us: int
