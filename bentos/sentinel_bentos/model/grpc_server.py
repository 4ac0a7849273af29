"""The gRPC server of the Open Inference Protocol, with the health and reflection services."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from sentinel_bentos.inner_server import FAREWELL_SECONDS, GRACE_SECONDS
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.rest import MAX_BODY_BYTES
from sentinel_core.errors import ConfigurationError
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip import open_inference_pb2_grpc as pb_grpc

SERVICE = "inference.GRPCInferenceService"
MAX_CONNECTION_AGE_SECONDS = 30
"""Clients keep their connections; only by coming anew do they find pods that were added since."""
MAX_CONNECTION_GRACE_SECONDS = 5
"""For calls that are under way on a connection that has reached its age."""
_PING_SECONDS = 5
"""Least time between pings of a client without calls. gRPC's own 5 minutes close the connections of
clients that ask every 30 s whether the server is still there."""
_OPTIONS = (
    # As for HTTP: a new worker can listen while the old one still answers its last calls.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", MAX_CONNECTION_GRACE_SECONDS * 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", _PING_SECONDS * 1000),
)


class GrpcServer:
    """The protocol on its port."""

    def __init__(self, servicer: InferenceServicer) -> None:
        self._servicer = servicer
        self._health = health.aio.HealthServicer()
        self._server: Any = None  # gRPC ships no types

    async def start(self, host: str, port: int) -> int:
        """Open the port and answer; return the port, which is another where 0 was asked for.

        Raises
        ------
        ConfigurationError
            The port cannot be opened. Retryable: no.
        """
        server = grpc.aio.server(options=_OPTIONS)
        add_servicer = pb_grpc.add_GRPCInferenceServiceServicer_to_server
        add_servicer(self._servicer, server)  # type: ignore[no-untyped-call]  # protoc writes no types
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server, pool=_described_services())
        await self.announce(serving=False)
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
        kinds = health_pb2.HealthCheckResponse
        for name in ("", SERVICE):
            await self._health.set(name, kinds.SERVING if serving else kinds.NOT_SERVING)

    async def stop(self, farewell_seconds: float = FAREWELL_SECONDS) -> None:
        """Have clients go elsewhere, answer what is under way, then close the port."""
        if self._server is None:
            return
        await self.announce(serving=False)
        await asyncio.sleep(farewell_seconds)
        await self._server.stop(GRACE_SECONDS)


def _described_services() -> Any:
    """Return a pool of descriptors with every service here: ours are not in the common one."""
    pool = pb.DESCRIPTOR.pool
    for described in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        pool.AddSerializedFile(described.serialized_pb)
    return pool
