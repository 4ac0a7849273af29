"""The health service of gRPC, whose watches end when the server does."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

Status = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # gRPC ships no types
    """Says whether a service takes calls, once or after every change.

    The one that comes with gRPC never ends a watch, so that a server with a client that watches takes
    all its time to stop; and of two watches of a service, the second hears nothing once the first ends.
    """

    def __init__(self, services: tuple[str, ...]) -> None:
        self._services = services
        self._status = Status.NOT_SERVING
        self._leaving = False
        self._changed = asyncio.Condition()

    async def announce(self, *, serving: bool) -> None:
        """Tell clients whether to use this server. After `leave` nothing changes any more."""
        if self._leaving:
            return
        async with self._changed:
            self._status = Status.SERVING if serving else Status.NOT_SERVING
            self._changed.notify_all()

    async def leave(self) -> None:
        """Say NOT_SERVING for good, and end the watches with it."""
        await self.announce(serving=False)
        async with self._changed:
            self._leaving = True
            self._changed.notify_all()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Answer once."""
        status = self._status_of(request.service)
        if status == Status.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return Status(status=status)

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the protocol's name
        """Answer now and after every change, until the server or the client leaves."""
        told = None
        while True:
            status = self._status_of(request.service)
            if status != told:
                await context.write(Status(status=status))
                told = status
                continue  # there may have been news while this was written
            if self._leaving:
                return
            async with self._changed:
                await self._changed.wait_for(partial(self._has_news, request.service, told))

    def _status_of(self, service: str) -> int:
        known = service in self._services
        return int(self._status if known else Status.SERVICE_UNKNOWN)

    def _has_news(self, service: str, told: int) -> bool:
        return self._leaving or self._status_of(service) != told
