"""What a decision server says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
