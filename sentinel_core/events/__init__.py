"""What happened: the envelope, one payload class per type of event, and their table form."""

from sentinel_core.events.envelope import Event, EventType, Fields, parse_event
from sentinel_core.events.login import Login
from sentinel_core.events.schema import EventSchema, Field, Label, schema_of
from sentinel_core.events.transaction import Transaction

__all__ = [
    "Event",
    "EventSchema",
    "EventType",
    "Field",
    "Fields",
    "Label",
    "Login",
    "Transaction",
    "parse_event",
    "schema_of",
]
