"""Work that goes on beside a server for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

RESTART_SECONDS = 1.0
"""Before work that failed is begun again: soon enough for a change of releases, and no busy loop."""

_log = logging.getLogger("sentinel.followers")


class Followers:
    """Tasks that follow something, such as a folder, each on its own.

    What fails is logged and begun again, so that a fault which nobody foresaw ends neither it nor the
    others. Work that comes to its end by itself is done.
    """

    def __init__(self, restart_seconds: float = RESTART_SECONDS) -> None:
        self._restart_seconds = restart_seconds
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *works: Callable[[], Awaitable[None]]) -> None:
        """Begin to follow."""
        self._tasks += [asyncio.create_task(self._keep(work)) for work in works]

    async def stop(self) -> None:
        """End each, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - see the class: logged, and begun again
                _log.exception("What runs beside the server failed, and is begun again.")
                await asyncio.sleep(self._restart_seconds)
            else:
                return
