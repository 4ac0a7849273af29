"""What every signal answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.errors import SentinelError
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
        fallback score. A signal with a score is called present
    status : ``absent`` has nothing to say (no history, not configured input), ``late`` answered
        after its deadline and was dropped, ``failed`` raised
    reasons : with weights; filled only where the signal can say more than its score
    raw : a model's margin in log-odds, before calibration; for velocity and behaviour the value of
        the feature whose curve decided
    cap : highest score that this signal allows, in [0, 100]; only trust lists set one
    hard_outcome : outcome that this signal forces; only a model with ``onFailure: FailClosed`` does

    Raises
    ------
    SentinelError
        The score is no number in [0, 1], or an ok signal has none. NaN would compare as low risk,
        so it must not get past here. Retryable: no.
    """

    name: str
    kind: SignalKind
    status: SignalStatus
    score: float | None = None
    reasons: tuple[Reason, ...] = ()
    raw: float | None = None
    cap: float | None = None
    hard_outcome: Outcome | None = None

    def __post_init__(self) -> None:
        is_wrong = self.status == "ok" if self.score is None else not 0.0 <= self.score <= 1.0
        if is_wrong:
            raise SentinelError(
                f"Signal {self.name} is {self.status} with the score {self.score}.",
                user_action="Answer with a score in [0, 1], or with another status and no score.",
            )
