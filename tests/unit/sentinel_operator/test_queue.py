"""The queue: one round of a key at a time, none lost, failures slower and slower."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_core.clock import FixedClock
from sentinel_operator.queue import PATIENT_ROUNDS, Again, KeyedQueue, backoff_seconds

SETTLED, FAILED, CHANGED = Again("settled"), Again("failed"), Again("changed")


async def run_until_idle(queue, handle, workers=4):
    """Work until nothing has happened for some turns of the loop."""
    working = asyncio.create_task(queue.work(handle, workers))
    for _ in range(50):
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@pytest.fixture
def clock():
    return FixedClock(0)


@pytest.fixture
def rounds():
    return []


def worked(rounds, answer=SETTLED):
    async def handle(key):
        rounds.append(key)
        return answer

    return handle


def run(coroutine):
    return asyncio.run(coroutine)


def test_ten_changes_of_a_key_are_one_round(clock, rounds):
    async def main():
        queue = KeyedQueue(clock)
        for _ in range(10):
            queue.add("a")
        await run_until_idle(queue, worked(rounds))

    run(main())
    assert rounds == ["a"]


def test_a_change_during_a_round_is_another_round(clock, rounds):
    async def main():
        queue = KeyedQueue(clock)

        async def handle(key):
            rounds.append(key)
            if len(rounds) == 1:
                queue.add(key)
                await asyncio.sleep(0)
            return SETTLED

        queue.add("a")
        await run_until_idle(queue, handle)

    run(main())
    assert rounds == ["a", "a"]


def test_two_rounds_of_a_key_never_run_at_once(clock):
    at_once = []

    async def main():
        queue = KeyedQueue(clock)
        running = 0

        async def handle(key):
            nonlocal running
            running += 1
            at_once.append(running)
            queue.add(key) if len(at_once) < 5 else None
            await asyncio.sleep(0)
            running -= 1
            return SETTLED

        queue.add("a")
        await run_until_idle(queue, handle)

    run(main())
    assert at_once == [1, 1, 1, 1, 1]


def test_no_more_rounds_run_at_once_than_there_are_workers(clock):
    most = 0

    async def main():
        queue = KeyedQueue(clock)
        running = 0

        async def handle(_):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return SETTLED

        for key in range(20):
            queue.add(key)
        await run_until_idle(queue, handle, workers=3)

    run(main())
    assert most == 3


def test_a_later_wish_waits_for_its_time(clock, rounds):
    async def main():
        queue = KeyedQueue(clock)
        queue.add_later("a", 5.0)
        await run_until_idle(queue, worked(rounds))
        assert rounds == []
        clock.put(5_000_000)
        await run_until_idle(queue, worked(rounds))

    run(main())
    assert rounds == ["a"]


def test_of_two_wishes_the_sooner_counts_and_the_later_is_dropped(clock, rounds):
    async def main():
        queue = KeyedQueue(clock)
        queue.add_later("a", 5.0)
        queue.add_later("a", 1.0)
        queue.add_later("a", 3.0)
        for second in range(1, 7):
            clock.put(second * 1_000_000)
            await run_until_idle(queue, worked(rounds))

    run(main())
    assert rounds == ["a"]


def due_after(clock, queue):
    """Return when the next wish is due, in seconds."""
    return queue._later[0][0] - clock.now_us() / 1e6


def waits(clock, answers):
    """Return the waits after rounds that answer so."""
    found = []

    async def main():
        queue = KeyedQueue(clock, draw=lambda: 0.999_999)
        for answer in answers:
            queue.add("a")
            await run_until_idle(queue, worked([], answer))
            found.append(round(due_after(clock, queue), 3) if queue._later else None)
            queue._later.clear()
            queue._due.clear()

    run(main())
    return found


def test_failures_in_a_row_wait_twice_as_long_each_time(clock):
    assert waits(clock, [FAILED] * 4) == [0.1, 0.2, 0.4, 0.8]


def test_a_success_ends_the_row_of_failures(clock):
    assert waits(clock, [FAILED, FAILED, SETTLED, FAILED]) == [0.1, 0.2, None, 0.1]


def test_a_failure_waits_at_least_as_long_as_the_server_asks(clock):
    assert waits(clock, [Again("failed", 7.0)]) == [7.0]


def test_a_settled_round_may_ask_for_another(clock):
    assert waits(clock, [Again("settled", 2.0)]) == [2.0]


def test_rounds_that_always_change_something_are_slowed_down(clock):
    rounds = [CHANGED] * (PATIENT_ROUNDS + 2)

    async def main():
        queue = KeyedQueue(clock, draw=lambda: 0.0)
        queue.add("a")
        seen = []

        async def handle(key):
            seen.append(key)
            return rounds[len(seen) - 1]

        await run_until_idle(queue, handle)
        return len(seen)

    # The clock stands, so that a wait of any length is for ever.
    assert run(main()) == PATIENT_ROUNDS + 1


def test_draining_ends_work_after_the_rounds_under_way(clock, rounds):
    async def main():
        queue = KeyedQueue(clock)

        async def handle(key):
            queue.drain()
            await asyncio.sleep(0)
            rounds.append(key)
            return SETTLED

        for key in "abc":
            queue.add(key)
        await queue.work(handle, 1)

    run(main())
    assert rounds == ["a"]


def test_what_a_round_raises_ends_the_work(clock):
    async def main():
        queue = KeyedQueue(clock)

        async def handle(_):
            raise ZeroDivisionError

        queue.add("a")
        await queue.work(handle, 1)

    with pytest.raises(ExceptionGroup) as raised:
        run(main())
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)


def test_the_age_of_the_queue_is_that_of_its_oldest_key(clock):
    queue = KeyedQueue(clock)
    queue.add("a")
    clock.put(3_000_000)
    queue.add("b")
    assert (queue.depth, queue.oldest_seconds) == (2, 3.0)


def test_an_empty_queue_has_no_age(clock):
    assert KeyedQueue(clock).oldest_seconds == 0.0


@pytest.mark.parametrize("failures", [1, 5, 60, 5000])
def test_backoffs_are_spread_over_their_upper_half(failures):
    shortest, longest = backoff_seconds(failures, 0.0), backoff_seconds(failures, 0.999_999)
    assert (shortest * 2, longest <= 60.0) == (pytest.approx(longest, rel=1e-5), True)
