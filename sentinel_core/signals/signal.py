"""What every signal answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.reason import Reason

SignalKind = Literal["model", "velocity", "behaviour", "lists"]
SignalStatus = Literal["ok", "absent", "late", "failed"]
Outcome = Literal["approve", "review", "block"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One opinion about an event.

    Attributes
    ----------
    score : risk in [0, 1], higher is riskier; None unless ok, or where a model that failed names a
        fallback score
    status : ``absent`` has nothing to say (no history, not configured input), ``late`` answered
        after its deadline and was dropped, ``failed`` raised
    reasons : with weights; filled only where the signal can say more than its score
    raw : a model's margin in log-odds, before calibration
    cap : highest score that this signal allows, in [0, 100]; only trust lists set one
    hard_outcome : outcome that this signal forces; only a model with ``onFailure: FailClosed`` does
    """

    name: str
    kind: SignalKind
    status: SignalStatus
    score: float | None = None
    reasons: tuple[Reason, ...] = ()
    raw: float | None = None
    cap: float | None = None
    hard_outcome: Outcome | None = None
