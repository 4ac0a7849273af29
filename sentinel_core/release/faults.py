"""Gathering every fault of a release before it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from sentinel_core.errors import InvalidDocumentError, Problem, ReleaseError, SentinelError
from sentinel_core.located import Position, problem, refusal
from sentinel_core.resources.conditions import REASONS

Parsed = TypeVar("Parsed")
Reason = Literal[
    "InputNotFound",
    "InputNotLabelled",
    "ModelNotFound",
    "ModelNotProposed",
    "ModelNotReady",
    "ModelHasNoServer",
]
"""What is wrong around a pipeline rather than in it; status conditions and runbooks use the words."""


class Faults:
    """The faults found so far, each with its reason where it has one."""

    def __init__(self) -> None:
        self._found: list[tuple[Reason | None, Problem]] = []

    def add(
        self, where: Position, message: str, hint: str, *, reason: Reason | None = None
    ) -> None:
        """Note a fault."""
        self._found.append((reason, problem(where, message, hint)))

    def attempt(self, parse: Callable[[], Parsed]) -> Parsed | None:
        """Return what a parser makes of its text, or note its faults and return None."""
        try:
            return parse()
        except InvalidDocumentError as error:
            self._found.extend((None, p) for p in error.problems)
            return None

    def raise_if_any(self) -> None:
        """Raise the error that names every fault found.

        Raises
        ------
        ReleaseError
            All faults have one reason. Retryable: no.
        InvalidDocumentError
            Otherwise. Retryable: no.
        """
        if self._found:
            raise self._error()

    def _error(self) -> SentinelError:
        # One ConfigMap may be named several times; its fault is told once.
        problems = sorted(dict.fromkeys(p for _, p in self._found), key=_place)
        reasons = {reason for reason, _ in self._found}
        reason = reasons.pop()
        if reason is None or reasons:
            return refusal(problems)
        message = f"{reason}: {'; '.join(map(str, problems))}."
        return ReleaseError(reason, message, user_action=REASONS[reason].user_action)


def _place(found: Problem) -> tuple[str, int, int]:
    path, *numbers = found.location.rsplit(":", 2)
    if len(numbers) != 2:  # an object of an API server has no lines
        return found.location, 0, 0
    return path, int(numbers[0]), int(numbers[1])
