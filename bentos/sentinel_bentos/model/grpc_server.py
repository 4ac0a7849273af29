"""The gRPC server of the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from sentinel_bentos.environment import DRAIN_SECONDS
from sentinel_bentos.inner_grpc import InnerGrpcServer, Limits
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.rest import MAX_BODY_BYTES
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip import open_inference_pb2_grpc as pb_grpc
from sentinel_core.oip.client import CLOSE_SECONDS

SERVICE = "inference.GRPCInferenceService"


class GrpcServer(InnerGrpcServer):
    """The protocol on its port."""

    def __init__(self, servicer: InferenceServicer, *, drain_seconds: int = DRAIN_SECONDS) -> None:
        def add_service(server: Any) -> None:
            add = pb_grpc.add_GRPCInferenceServiceServicer_to_server
            add(servicer, server)  # type: ignore[no-untyped-call]  # protoc writes no types

        limits = Limits(MAX_BODY_BYTES, CLOSE_SECONDS, drain_seconds)
        super().__init__(SERVICE, add_service, limits, pool=_described_services())


def _described_services() -> Any:
    """Return a pool of descriptors with every service here: ours are not in the common one."""
    pool = pb.DESCRIPTOR.pool
    for described in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        pool.AddSerializedFile(described.serialized_pb)
    return pool
