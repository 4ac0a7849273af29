"""Whether what happens at the API server still arrives over a watch.

The Lease changes every two seconds, whoever holds it, so it is a heartbeat that costs no write of
its own. An answer to a call shows that it changed; if no watch tells of that change, watches are
dead although their connections are open, as behind a firewall that forgot them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sentinel_core.clock import Clock
from sentinel_operator.kube.client import watch
from sentinel_operator.kube.connect import Connections
from sentinel_operator.kube.errors import KubeError
from sentinel_operator.kube.kinds import LEASE

DEAF_SECONDS = 20.0
"""After which all watches are opened anew: ten heartbeats missed. A watch event takes milliseconds."""
SILENT_SECONDS = 10.0
"""Without an answer to any call the API server is gone, and a watch cannot be blamed for silence."""
REOPEN_SECONDS = 1.0
"""Before a watch that ended is opened again."""
SERVER_SECONDS = 300
"""After which the API server ends the watch of the Lease, so that none is older."""

logger = logging.getLogger(__name__)


class Heartbeat:
    """Compares what calls show of the Lease with what the watch tells of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrived = 0
        self._learned = 0
        self._answered_ns = 0
        self._missing_since_ns: int | None = None

    def learned(self, version: int) -> None:
        """Take in a version that the answer to a call showed."""
        now_ns = self._clock.elapsed_ns()
        self._learned = max(self._learned, version)
        if self._learned > self._arrived and (
            self._missing_since_ns is None or self._silent_seconds(now_ns) > SILENT_SECONDS
        ):
            self._missing_since_ns = now_ns
        self._answered_ns = now_ns

    def arrived(self, version: int) -> None:
        """Take in a version that the watch told of."""
        self._arrived = max(self._arrived, version)
        if self._arrived >= self._learned:
            self._missing_since_ns = None
        elif self._missing_since_ns is not None:
            # Late, but not deaf: it has told of something since.
            self._missing_since_ns = self._clock.elapsed_ns()

    @property
    def deaf_seconds(self) -> float:
        """For how long a change is known that the watch has not told of, nor of any since."""
        now_ns = self._clock.elapsed_ns()
        if self._missing_since_ns is None or self._silent_seconds(now_ns) > SILENT_SECONDS:
            return 0.0
        return (now_ns - self._missing_since_ns) / 1e9

    def _silent_seconds(self, now_ns: int) -> float:
        return (now_ns - self._answered_ns) / 1e9


async def follow_lease(
    connections: Connections,
    heartbeat: Heartbeat,
    *,
    namespace: str,
    name: str,
    moved: Callable[[], None],
) -> None:
    """Watch the Lease until cancelled, and call ``moved`` at each change."""
    parameters = {"fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(SERVER_SECONDS)}
    while True:
        try:
            server, path = connections.cluster.server, LEASE.path(namespace)
            async for event in watch(connections.watch, server, path, parameters):
                if event["type"] in ("ADDED", "MODIFIED"):
                    heartbeat.arrived(int(event["object"]["metadata"]["resourceVersion"]))
                moved()
        except KubeError as error:
            logger.info("the watch of the Lease ended: %s", error.message)
        await asyncio.sleep(REOPEN_SECONDS)


async def guard_watches(connections: Connections, heartbeat: Heartbeat) -> None:
    """Break all watches whenever nothing has come over them for `DEAF_SECONDS`; never return."""
    metrics = connections.metrics
    while True:
        await asyncio.sleep(1.0)
        metrics.deaf_seconds.set(heartbeat.deaf_seconds)
        if heartbeat.deaf_seconds >= DEAF_SECONDS:
            logger.warning("nothing came over the watches for %.0f s", heartbeat.deaf_seconds)
            metrics.watches_reopened.inc()
            connections.break_watches()
            await asyncio.sleep(DEAF_SECONDS)
