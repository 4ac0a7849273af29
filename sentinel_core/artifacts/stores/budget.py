"""How long a store may take, and how often it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sentinel_core.clock import Clock, SystemClock
from sentinel_core.errors import ArtifactError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Budget:
    """The time that one call to a store may cost, all its attempts together.

    Attributes
    ----------
    connect_seconds : for a connection with TLS; Linux sends a lost SYN again after 1 and after 3 s
    read_seconds : without one byte; an S3 store answers within a second or is in trouble
    total_seconds : for all attempts and pauses; 128 MiB, the largest artifact, take 107 s at 10 Mbit/s
    attempts : how often at most; with the pauses a store may be gone for 7 s
    pause_seconds : before the second attempt; doubled before each further one
    """

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 120.0
    attempts: int = 5
    pause_seconds: float = 0.5


DEFAULT_BUDGET = Budget()


class Deadline:
    """A moment on the monotonic clock by which a call has ended."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._end_ns = self._clock.elapsed_ns() + round(seconds * 1e9)

    @property
    def remaining_seconds(self) -> float:
        """Seconds that are left; never below zero."""
        return max(0.0, (self._end_ns - self._clock.elapsed_ns()) / 1e9)


def within(budget: Budget, attempt: Callable[[Deadline], Result]) -> Result:
    """Attempt a call until it succeeds, is refused for good, or the budget is spent.

    Raises
    ------
    ArtifactError
        That of the last attempt.
    """
    deadline = Deadline(budget.total_seconds)
    pause_seconds = budget.pause_seconds
    for _ in range(budget.attempts - 1):
        try:
            return attempt(deadline)
        except ArtifactError as error:
            if not error.retryable or pause_seconds >= deadline.remaining_seconds:
                raise
        time.sleep(pause_seconds)
        pause_seconds *= 2
    return attempt(deadline)
