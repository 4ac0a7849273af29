"""Feedback: what people found out about an event after it was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.events import Label

Verdict = Literal["confirmed_fraud", "false_positive", "escalated"]

LABEL_OF: dict[str, Label] = {"confirmed_fraud": "fraud", "false_positive": "legitimate"}
"""The label that a verdict makes; ``escalated`` is a status and makes none."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of a verdict.

    Attributes
    ----------
    label : the label it made, if any
    known_at_us : since when it rules, in microseconds since 1970-01-01 UTC
    repeated : the same verdict was there already, and nothing changed
    """

    event_id: str
    verdict: Verdict
    label: Label | None
    known_at_us: int
    repeated: bool
