"""Times as whole microseconds, without loss."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sentinel_core.clock import (
    DAY_US,
    FixedClock,
    SystemClock,
    format_us,
    from_us,
    to_us,
)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2018, 8, 29, 12, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_to_the_microsecond(moment):
    assert from_us(to_us(moment)) == moment


def test_a_time_of_another_zone_is_the_same_moment():
    oslo = timezone(timedelta(hours=2))
    assert to_us(datetime(2018, 8, 29, 14, tzinfo=oslo)) == 1_535_544_000_000_000


@pytest.mark.parametrize(
    ("moment_us", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (1_535_544_000_500_000, "2018-08-29T12:00:00.500000Z"),
    ],
)
def test_a_time_is_written_as_rfc_3339(moment_us, expected):
    assert format_us(moment_us) == expected
    assert to_us(datetime.fromisoformat(expected)) == moment_us


def test_a_fixed_clock_stands_until_it_is_put_elsewhere():
    clock = FixedClock(5)
    assert (clock.now_us(), clock.elapsed_ns()) == (5, 5_000)
    clock.put(DAY_US)
    assert (clock.now_us(), clock.now_us()) == (DAY_US, DAY_US)


def test_the_system_clock_never_runs_back():
    clock = SystemClock()
    readings = [clock.elapsed_ns() for _ in range(1000)]
    assert readings == sorted(readings)
    assert clock.now_us() > to_us(datetime(2024, 1, 1, tzinfo=UTC))
