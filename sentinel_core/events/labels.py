"""Labels of a file, each with the event it is about."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.errors import InvalidTableError, Problem
from sentinel_core.events.schema import Label
from sentinel_core.events.table import EventTable, LabelTable

FILE_ORDER = -(1 << 40)
"""Labels of a file rule by their time alone, so their order stands before every event's seq."""


@dataclass(frozen=True, slots=True)
class Told:
    """One label of a file.

    Attributes
    ----------
    known_at_us : from when on it rules
    order : which of two labels of one time rules: the one that stands later in the file
    """

    event_id: str
    known_at_us: int
    order: int
    label: Label


def labels_by_row(events: EventTable, labels: LabelTable | None) -> dict[int, list[Told]]:
    """Give each event the labels that a file has for it, in the file's order, by the event's row.

    Raises
    ------
    InvalidTableError
        A label names an event that the table does not have. Retryable: no.
    """
    if labels is None:
        return {}
    row_of = _rows(events, set(labels.event_ids))
    _require_known(labels, row_of)
    known: dict[int, list[Told]] = {}
    rows = zip(labels.event_ids, labels.known_at_us, labels.labels, strict=True)
    for order, (event_id, known_at_us, label) in enumerate(rows):
        told = Told(event_id, known_at_us, FILE_ORDER + order, label)
        known.setdefault(row_of[event_id], []).append(told)
    return known


def _rows(events: EventTable, wanted: set[str]) -> dict[str, int]:
    """Return the row of the first arrival of each wanted id."""
    row_of: dict[str, int] = {}
    for row, event_id in enumerate(events.ids):
        if event_id in wanted:
            row_of.setdefault(event_id, row)
    return row_of


def _require_known(labels: LabelTable, row_of: dict[str, int]) -> None:
    missing = [i for i in labels.event_ids if i not in row_of]
    if missing:
        places = tuple(
            Problem("event_id", f"{i} is not in the events", "drop it") for i in missing[:20]
        )
        message = f"{len(missing)} labels name events that are not in the table."
        raise InvalidTableError(message, places, user_action="Give the events of these labels.")
