"""What is written down about one reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Location = Literal["spec", "artifact", "inputs", "models", "release", "server", "children"]
"""Where something went wrong: the resource itself, its artifact or its store, the ConfigMaps and the
models that it names, the compiled release, the pods, or an object that the operator makes."""


@dataclass(frozen=True, slots=True)
class ReasonDoc:
    """The meaning of a reason.

    Attributes
    ----------
    location : where it lies; None for a reason that tells of no fault
    summary : what it means, as a sentence
    user_action : the next thing to do, as an imperative sentence; NAME stands for the resource
    retryable : whether it may pass without a change of what is declared
    """

    location: Location | None
    summary: str
    user_action: str
    retryable: bool = False
