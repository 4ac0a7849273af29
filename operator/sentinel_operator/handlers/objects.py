"""Handlers for every kind that is watched. They are all alike: the cache knows what concerns whom."""

from __future__ import annotations

from typing import Any

import kopf

from sentinel_operator.factory import Operator
from sentinel_operator.kube.kinds import Kind


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Have kopf feed the operator's cache, and log in with the operator's own session."""
    for kind in operator.kinds:
        _register(registry, operator, kind)

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        connections = operator.connections
        if connections.watch.closed:
            connections.open_watch()
        server = connections.cluster.server
        return kopf.AiohttpSession(server=server, aiohttp_session=connections.watch)


def _register(registry: kopf.OperatorRegistry, operator: Operator, kind: Kind) -> None:
    @kopf.on.event(
        kind.group, kind.version, kind.plural, registry=registry, id=f"event-{kind.plural}"
    )
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            operator.cache.delete(event["object"])
        else:
            operator.cache.put(event["object"])
