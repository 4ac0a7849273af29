"""Until when this replica may write."""

from __future__ import annotations

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from sentinel_core.clock import Clock
from sentinel_operator.kube.errors import NotLeadingError


class Fence:
    """Closed until the Lease is held, and closed by the passing of time.

    The Lease's renewals push the deadline; nothing has to happen for it to pass. A process that was
    frozen and goes on finds it passed, whatever it was about to write, since the monotonic clock
    goes on meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open_until_ns: int | None = None

    def open_until(self, elapsed_ns: int) -> None:
        """Let writes pass until a reading of the monotonic clock."""
        self._open_until_ns = elapsed_ns

    def close(self) -> None:
        """Let no further write pass."""
        self._open_until_ns = None

    @property
    def is_open(self) -> bool:
        """Whether a write would pass now."""
        return self._open_until_ns is not None and self._clock.elapsed_ns() < self._open_until_ns

    def check(self) -> None:
        """Raise `NotLeadingError` where a write may not pass."""
        if not self.is_open:
            raise NotLeadingError(
                "This replica does not hold the Lease; nothing was written.",
                user_action="Nothing to do: the replica that holds it works.",
            )


class FencedBody(aiohttp.BytesPayload):
    """The body of a write, which asks the fence when the connection is there.

    aiohttp calls ``write_with_length`` with a connection in hand and the headers still unsent, so
    that waiting for a connection, however long, happens before the question and nothing but the
    sending after it. ``refused`` tells a closed fence from a broken connection.
    """

    def __init__(self, value: bytes, fence: Fence, content_type: str) -> None:
        super().__init__(value, content_type=content_type)
        self._fence = fence
        self.refused: NotLeadingError | None = None

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send the body, or nothing."""
        try:
            self._fence.check()
        except NotLeadingError as error:
            self.refused = error
            raise
        await super().write_with_length(writer, content_length)
