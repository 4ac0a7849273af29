"""How many calls a second the operator allows itself."""

from __future__ import annotations

import asyncio

from sentinel_core.clock import Clock

BURST_SECONDS = 2.0
"""Of calls at the full rate that may come at once: one resource's first round makes some twenty."""


class TokenBucket:
    """Lets calls pass at a rate over time, and some at once after a quiet time.

    Parameters
    ----------
    rate_per_second : calls, over a longer time
    """

    def __init__(self, rate_per_second: float, clock: Clock) -> None:
        self._rate = rate_per_second
        self._clock = clock
        self._capacity = max(1.0, rate_per_second * BURST_SECONDS)
        self._tokens = self._capacity
        self._filled_ns = clock.elapsed_ns()

    async def take(self) -> None:
        """Wait until a call may pass."""
        now_ns = self._clock.elapsed_ns()
        gained = (now_ns - self._filled_ns) / 1e9 * self._rate
        self._tokens = min(self._capacity, self._tokens + gained)
        self._filled_ns = now_ns
        # Below zero the bucket says how long the queue of those who wait is.
        self._tokens -= 1.0
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._rate)
