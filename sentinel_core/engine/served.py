"""What a decision server says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.errors import SentinelError


@dataclass(frozen=True, slots=True)
class Served:
    """What is served now; the answer of ``GET /served``.

    Attributes
    ----------
    stable, candidate : digests of the releases; None where there is none
    percent : share of entities that the candidate gets, in [0, 100]
    state : ``Starting`` serves nothing yet, ``Refused`` goes on with what it had
    reason : CamelCase word for a refusal; ``message`` says more and names the next action
    """

    stable: str | None
    candidate: str | None
    percent: float
    state: Literal["Starting", "Ready", "Refused"]
    reason: str | None = None
    message: str | None = None


def refusal_reason(error: SentinelError) -> str:
    """Return the CamelCase word for a refusal: the error's own reason, else its kind."""
    reason: str = getattr(error, "reason", type(error).__name__.removesuffix("Error"))
    return reason
