"""The only source of now.

Decisions must be recomputable, so nothing else in the core reads the time of day: it is passed in.
Times inside the core are integers: microseconds since 1970-01-01 UTC, named ``*_us``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where a process reads the time."""

    def now_us(self) -> int:
        """Return the time of day in microseconds since 1970-01-01 UTC."""
        ...

    def elapsed_ns(self) -> int:
        """Return a monotonic reading in nanoseconds; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_us(self) -> int:
        """Return the time of day in microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000

    def elapsed_ns(self) -> int:
        """Return a monotonic reading in nanoseconds."""
        return time.perf_counter_ns()


class FixedClock:
    """A clock that stands where it is put, for replays of history and for tests.

    Parameters
    ----------
    now_us : int
        Microseconds since 1970-01-01 UTC.
    """

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """Return the time the clock was put to."""
        return self._now_us

    def elapsed_ns(self) -> int:
        """Return the same reading each time: nothing elapses."""
        return self._now_us * 1000

    def put(self, now_us: int) -> None:
        """Put the clock to another time, in microseconds since 1970-01-01 UTC."""
        self._now_us = now_us


def to_us(moment: datetime) -> int:
    """Convert an aware datetime to microseconds since 1970-01-01 UTC, exactly.

    Examples
    --------
    >>> to_us(datetime(2018, 8, 29, 12, tzinfo=UTC))
    1535544000000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(moment_us: int) -> datetime:
    """Convert microseconds since 1970-01-01 UTC to an aware datetime, exactly."""
    return _EPOCH + timedelta(microseconds=moment_us)


def format_us(moment_us: int) -> str:
    """Write a time as RFC 3339 in UTC, with microseconds only where there are some.

    Examples
    --------
    >>> format_us(1535544000000000)
    '2018-08-29T12:00:00Z'
    """
    return from_us(moment_us).isoformat().replace("+00:00", "Z")
