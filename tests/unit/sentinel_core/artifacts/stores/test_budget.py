"""A call to a store is attempted within its budget."""

import pytest

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.budget import Budget, Deadline, within
from sentinel_core.clock import SECOND_US, FixedClock

QUICK = Budget(attempts=3, pause_seconds=0.001)
UNREACHABLE = refuse("StoreUnreachable", "gone", "try again")
DENIED = refuse("StoreDenied", "no", "ask")


def failing(*errors):
    """Make a call that fails with these errors, one after the other, and then gives how often."""
    left = list(errors)

    def attempt(deadline):
        if left:
            raise left.pop(0)
        return len(errors) + 1

    return attempt


def test_a_call_that_succeeds_is_made_once():
    assert within(QUICK, failing()) == 1


def test_a_call_that_may_succeed_later_is_made_again():
    assert within(QUICK, failing(UNREACHABLE, UNREACHABLE)) == 3


@pytest.mark.parametrize(
    ("errors", "told"), [((DENIED,), DENIED), ((UNREACHABLE, DENIED), DENIED),
                         ((UNREACHABLE,) * 3, UNREACHABLE)],
)  # fmt: skip
def test_the_last_refusal_is_the_one_told(errors, told):
    with pytest.raises(type(told)) as refused:
        within(QUICK, failing(*errors))
    assert refused.value is told


def test_a_deadline_counts_down_to_zero_and_stays_there():
    clock = FixedClock(0)
    deadline = Deadline(2.5, clock)
    left = []
    for second in (0, 1, 2, 3):
        clock.put(second * SECOND_US)
        left.append(deadline.remaining_seconds)
    assert left == [2.5, 1.5, 0.5, 0.0]
