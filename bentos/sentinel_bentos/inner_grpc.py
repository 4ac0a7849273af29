"""A gRPC server in the Bento's own process and event loop, with the health and reflection services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sentinel_bentos.departure import QUIET_SECONDS, Departure
from sentinel_bentos.environment import DRAIN_SECONDS
from sentinel_bentos.health import HealthServicer
from sentinel_bentos.inner_server import FAREWELL_SECONDS
from sentinel_core.errors import ConfigurationError

MAX_CONNECTION_AGE_SECONDS = 30
"""Clients keep their connections; only by coming anew do they find pods that were added since."""
_PING_SECONDS = 5
"""Least time between pings of a client without calls. gRPC's own 5 minutes close the connections of
clients that ask every 30 s whether the server is still there."""
_OPTIONS = (
    # As for HTTP: a new worker can listen while the old one still answers its last calls.
    ("grpc.so_reuseport", 1),
    ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_SECONDS * 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", _PING_SECONDS * 1000),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes and waits for.

    Attributes
    ----------
    max_request_bytes : largest message that is read; a larger one is RESOURCE_EXHAUSTED
    longest_call_seconds : for calls that are under way on a connection that has reached its age; one
        that takes longer is UNAVAILABLE. What the server or its clients promise a call, and some time
        for its answer
    drain_seconds : for calls that are under way when the server is told to stop
    """

    max_request_bytes: int
    longest_call_seconds: float
    drain_seconds: int = DRAIN_SECONDS

    def options(self) -> tuple[tuple[str, int], ...]:
        """Return what gRPC is told of its connections."""
        return (
            *_OPTIONS,
            ("grpc.max_connection_age_grace_ms", round(self.longest_call_seconds * 1000)),
            ("grpc.max_receive_message_length", self.max_request_bytes),
        )


class InnerGrpcServer:
    """One service on its port.

    Parameters
    ----------
    service : str
        Full name of the service.
    add_service : callable
        Adds it to a server.
    pool
        Descriptors of all that is served, for reflection; None takes protobuf's common pool.
    """

    def __init__(
        self, service: str, add_service: Callable[[Any], None], limits: Limits, *, pool: Any = None
    ) -> None:
        self._service = service
        self._add_service = add_service
        self.limits = limits
        self._pool = pool
        self._health = HealthServicer(("", service))
        self._departure = Departure()
        self._server: Any = None  # gRPC ships no types

    async def start(self, host: str, port: int) -> int:
        """Open the port and answer; return the port, which is another where 0 was asked for.

        Raises
        ------
        ConfigurationError
            The port cannot be opened. Retryable: no.
        """
        server = grpc.aio.server(options=self.limits.options())
        self._add_service(self._departure.registrar(server))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (self._service, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server, pool=self._pool)
        try:
            port = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise ConfigurationError(
                f"The port {port} of {host} cannot be opened: {error}.",
                user_action="Stop the program that uses it, or give another port.",
            ) from error
        await server.start()
        self._server = server
        return port

    async def announce(self, *, serving: bool) -> None:
        """Tell clients that ask the health service whether to use this server."""
        await self._health.announce(serving=serving)

    async def stop(self, *, farewell_seconds: float = FAREWELL_SECONDS) -> None:
        """Have clients go elsewhere, answer what is under way, then close the port."""
        if self._server is None:
            return
        await self.announce(serving=False)
        await asyncio.sleep(farewell_seconds)
        await self._health.leave()
        await self._departure.hold()
        stopping = asyncio.create_task(self._server.stop(self.limits.drain_seconds))
        # The task has begun to stop the server, and told the clients, before this goes on.
        await asyncio.sleep(QUIET_SECONDS)
        self._departure.release()
        await stopping
