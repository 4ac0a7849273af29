"""A process that records decisions as fast as it can and prints each id once it is acknowledged.

Run as ``python -m tests.support.write_until_killed RECORD``; it never ends by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from sentinel_core.store import Store
from tests.support.decisions import build_decision, build_event

CALLERS = 32


async def write_for_ever(store: Store) -> None:
    """Record decisions from many callers at once, so that groups are in every stage."""
    seqs = itertools.count(store.last_seq() + 1)

    async def call() -> None:
        for seq in seqs:
            event = build_event(f"{os.getpid()}-{seq}")
            await store.record(build_decision(event, seq=seq), event)
            print(event.id, flush=True)

    await asyncio.gather(*(call() for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(write_for_ever(Store.open(sys.argv[1])))
