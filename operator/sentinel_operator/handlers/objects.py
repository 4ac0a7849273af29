"""Handlers for every kind that is watched. They are all alike: the cache knows what concerns whom."""

from __future__ import annotations

import asyncio
from typing import Any

import kopf

from sentinel_core.clock import Clock
from sentinel_operator.factory import Operator
from sentinel_operator.kube.connect import Connections
from sentinel_operator.kube.kinds import Kind

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 1.0, 30.0
"""Before a session is opened in the place of one that the API server did not know. A token that was
renewed is read at once; an account that is gone comes back when somebody makes it."""


class Logins:
    """Gives kopf its session, and a new one in the place of one that it closed.

    kopf closes a session that is answered with 401 and asks for another without a pause. It would
    stop on credentials that it knows to be bad, but a session is new each time: so the pauses are
    made here, twice as long each time, until a session outlives them.
    """

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._opened_ns = clock.elapsed_ns()
        self._wait_seconds = 0.0

    async def log_in(self) -> kopf.AiohttpSession:
        """Return a session that is open."""
        if self._connections.watch.closed:
            lived_seconds = (self._clock.elapsed_ns() - self._opened_ns) / 1e9
            longer = min(2 * self._wait_seconds, LAST_WAIT_SECONDS)
            self._wait_seconds = (
                FIRST_WAIT_SECONDS if lived_seconds > self._wait_seconds else longer
            )
            await asyncio.sleep(self._wait_seconds)
            self._connections.open_watch()
            self._opened_ns = self._clock.elapsed_ns()
        server = self._connections.cluster.server
        return kopf.AiohttpSession(server=server, aiohttp_session=self._connections.watch)


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Have kopf feed the operator's cache, and log in with the operator's own session."""
    for kind in operator.kinds:
        _register(registry, operator, kind)
    logins = Logins(operator.connections, operator.clock)

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        return await logins.log_in()


def _register(registry: kopf.OperatorRegistry, operator: Operator, kind: Kind) -> None:
    @kopf.on.event(
        kind.group, kind.version, kind.plural, registry=registry, id=f"event-{kind.plural}"
    )
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            operator.cache.delete(event["object"])
        else:
            operator.cache.put(event["object"])
