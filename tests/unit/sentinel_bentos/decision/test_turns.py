"""A batch lets others have their turn, by the number of its events and by their bytes."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_bentos.decision.turns import EVENTS_BETWEEN_PAUSES, Turns
from tests.support.application import application


async def turns_of_others(work):
    """Return how often something else ran while this did."""
    had = 0

    async def take_turns():
        nonlocal had
        while True:
            had += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    await work
    other.cancel()
    return had


@pytest.mark.parametrize(
    ("events", "size_bytes", "turns"),
    [(EVENTS_BETWEEN_PAUSES, 300, 1), (4 * EVENTS_BETWEEN_PAUSES, 300, 4), (31, 64 * 1024, 31),
     (64, 4 * 1024, 4)],
)  # fmt: skip
def test_others_have_their_turn_after_so_many_events_or_bytes(events, size_bytes, turns):
    async def validate():
        own = Turns()
        for _ in range(events):
            await own.before(size_bytes)

    assert asyncio.run(turns_of_others(validate())) == turns


def test_a_batch_of_the_largest_events_pauses_before_each(tmp_path):
    event = b'{"id": "' + b"x" * 60_000 + b'"}'
    body = b'{"events": [' + b",".join([event] * 31) + b"]}"

    async def ask():
        async with application(tmp_path) as client:
            headers = {"content-type": "application/json"}
            sent = client.post("/api/v1/score/batch", content=body, headers=headers)
            return await turns_of_others(sent)

    assert asyncio.run(ask()) >= 31
