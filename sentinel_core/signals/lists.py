"""The signal of block, trust and watch lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel_core.lists.index import ListIndex, Match
from sentinel_core.reason import Reason
from sentinel_core.signals.signal import Signal

NAME = "lists"
RISK = {"block": 1.0, "watch": 0.5, "trust": 0.0}
"""Score of an entry by kind of list. Trust never adds risk and acts as a cap alone."""


def evaluate_lists(index: ListIndex, fields: Mapping[str, Any], at_us: int) -> Signal:
    """Look up an event's fields in all lists.

    The riskiest entry gives the score. Entries of trust lists give the lowest of their lists' caps,
    unless a block list has an entry too: who is blocked is not trusted. The reason of the cap that
    acts weighs -1, since it speaks against risk; other reasons of trust lists weigh 0.

    Parameters
    ----------
    fields : mapping
        The event seen flat; absent fields are absent keys.
    at_us : int
        When the event was received, in microseconds since 1970-01-01 UTC.

    Returns
    -------
    Signal
        Absent where no list is configured; ok with 0 where none has an entry.
    """
    if not index.names:
        return Signal(NAME, "lists", "absent")
    matches = index.matches(fields, at_us)
    score = max((RISK[m.list.kind] for m in matches), default=0.0)
    is_blocked = score == RISK["block"]
    caps = [m.list.cap for m in matches if m.list.cap is not None]
    cap = min(caps) if caps and not is_blocked else None
    reasons = tuple(_reason(m, score, cap) for m in matches)
    return Signal(NAME, "lists", "ok", score, reasons, cap=cap)


def _reason(match: Match, score: float, cap: float | None) -> Reason:
    risk = RISK[match.list.kind]
    if match.list.kind == "trust":
        weight = -1.0 if match.list.cap == cap else 0.0
    else:
        weight = risk if risk == score else 0.0
    place = f"{match.list.kind} list {match.list.name}"
    text = f"The {match.list.field} is on the {place}: {match.entry.reason.rstrip('.')}."
    return Reason(f"list:{match.list.name}", text, weight)
