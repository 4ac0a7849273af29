"""Letting others have their turn while one request takes long."""

from __future__ import annotations

import asyncio

EVENTS_BETWEEN_PAUSES = 32
"""Events of a batch validated before others get a turn: some two milliseconds."""
BYTES_BETWEEN_PAUSES = 64 * 1024
"""The same by size: 32 events of 2 KiB, or one of the largest."""


class Turns:
    """Counts what was validated since others had their turn. One for each batch."""

    def __init__(self) -> None:
        self._left_events = 0
        self._left_bytes = 0

    async def before(self, size_bytes: int) -> None:
        """Let others go first where this event would be too much at once."""
        if self._left_events == 0 or self._left_bytes < size_bytes:
            await asyncio.sleep(0)
            self._left_events, self._left_bytes = EVENTS_BETWEEN_PAUSES, BYTES_BETWEEN_PAUSES
        self._left_events -= 1
        self._left_bytes -= size_bytes
