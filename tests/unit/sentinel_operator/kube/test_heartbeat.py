"""A change of the Lease that is known and that no watch tells of makes the operator deaf."""

from __future__ import annotations

import pytest

from sentinel_core.clock import FixedClock
from sentinel_operator.kube.heartbeat import SILENT_SECONDS, Heartbeat


@pytest.fixture
def clock():
    return FixedClock(0)


@pytest.fixture
def heartbeat(clock):
    return Heartbeat(clock)


def go_on(heartbeat, clock, seconds, *, arrives):
    """Have the Lease renewed every two seconds, from its third version on."""
    for second in range(2, seconds + 1, 2):
        clock.put(second * 1_000_000)
        heartbeat.learned(second)
        if arrives:
            heartbeat.arrived(second)


def test_it_is_not_deaf_before_anything_happened(heartbeat):
    assert heartbeat.deaf_seconds == 0.0


def test_it_is_not_deaf_while_the_watch_tells_of_each_change(heartbeat, clock):
    go_on(heartbeat, clock, 100, arrives=True)
    assert heartbeat.deaf_seconds == 0.0


def test_it_is_deaf_since_the_first_change_that_no_watch_told_of(heartbeat, clock):
    go_on(heartbeat, clock, 30, arrives=False)
    assert heartbeat.deaf_seconds == 28.0


def test_it_hears_again_when_the_watch_catches_up(heartbeat, clock):
    go_on(heartbeat, clock, 30, arrives=False)
    heartbeat.arrived(30)
    assert heartbeat.deaf_seconds == 0.0


def test_a_watch_that_lags_and_goes_on_is_not_deaf(heartbeat, clock):
    go_on(heartbeat, clock, 30, arrives=False)
    heartbeat.arrived(20)
    assert heartbeat.deaf_seconds == 0.0


def test_a_watch_that_tells_of_a_change_before_its_answer_is_not_deaf(heartbeat, clock):
    heartbeat.arrived(5)
    heartbeat.learned(5)
    clock.put(5_000_000)
    assert heartbeat.deaf_seconds == 0.0


def test_the_watch_is_not_blamed_for_an_api_server_that_answers_nothing(heartbeat, clock):
    heartbeat.learned(5)
    clock.put(round((SILENT_SECONDS + 1) * 1_000_000))
    assert heartbeat.deaf_seconds == 0.0


def test_after_such_a_time_the_watch_gets_all_its_patience_again(heartbeat, clock):
    heartbeat.learned(5)
    clock.put(60_000_000)
    heartbeat.learned(6)
    clock.put(63_000_000)
    assert heartbeat.deaf_seconds == 3.0
