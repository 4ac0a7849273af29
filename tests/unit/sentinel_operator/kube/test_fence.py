"""The fence is closed unless the Lease was renewed a moment ago."""

from __future__ import annotations

import pytest

from sentinel_core.clock import FixedClock
from sentinel_operator.kube.errors import NotLeadingError
from sentinel_operator.kube.fence import Fence

SECOND_NS = 1_000_000_000


@pytest.fixture
def clock():
    return FixedClock(0)


@pytest.fixture
def fence(clock):
    return Fence(clock)


def test_it_is_closed_before_the_lease_is_held(fence):
    with pytest.raises(NotLeadingError):
        fence.check()


def test_it_is_open_after_a_renewal(fence):
    fence.open_until(6 * SECOND_NS)
    fence.check()


def test_it_closes_by_the_passing_of_time_alone(fence, clock):
    fence.open_until(6 * SECOND_NS)
    clock.put(6_000_000)
    with pytest.raises(NotLeadingError):
        fence.check()


def test_each_renewal_pushes_its_end(fence, clock):
    fence.open_until(6 * SECOND_NS)
    fence.open_until(8 * SECOND_NS)
    clock.put(7_000_000)
    assert fence.is_open


def test_it_closes_at_once_when_the_lease_is_given_back(fence):
    fence.open_until(6 * SECOND_NS)
    fence.close()
    assert not fence.is_open
