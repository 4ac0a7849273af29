"""Model servers on free ports of this machine, in the test's own event loop.

One is the real one over a loaded model; the other does what a test wants of a server that misbehaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from prometheus_client import CollectorRegistry

from sentinel_bentos.model.grpc_server import GrpcServer
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.scoring import Scoring
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.versions import Versions
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip import open_inference_pb2_grpc as pb_grpc
from sentinel_core.telemetry import ModelServerMetrics

NAME = "card-fraud"

Answer = Callable[[pb.ModelInferRequest], Awaitable[pb.ModelInferResponse]]


@asynccontextmanager
async def model_server(*models: LoadedModel) -> AsyncIterator[str]:
    """Serve models by their digests, the first one by default, and return the URL."""
    serving = ModelServing(ModelServerMetrics(CollectorRegistry()))
    by_digest: Mapping[str, LoadedModel] = {model.digest: model for model in models}
    serving.versions = Versions(NAME, models[0], by_digest)
    scoring = Scoring()
    server = GrpcServer(InferenceServicer(serving, scoring))
    port = await server.start("127.0.0.1", 0)
    try:
        yield f"dns:///127.0.0.1:{port}"
    finally:
        await server._server.stop(None)
        scoring.close()


class ScriptedServer(pb_grpc.GRPCInferenceServiceServicer):
    """A server that answers what it is told to.

    Attributes
    ----------
    asked : how many requests for scores came
    url : where it listens
    """

    def __init__(self, answer: Answer, *, ready: bool = True) -> None:
        self.answer = answer
        self.ready = ready
        self.asked = 0
        self.url = ""

    async def ModelReady(self, _: Any, __: Any) -> pb.ModelReadyResponse:  # noqa: N802 - protocol's
        return pb.ModelReadyResponse(ready=self.ready)

    async def ModelInfer(self, request: Any, _: Any) -> pb.ModelInferResponse:  # noqa: N802
        self.asked += 1
        return await self.answer(request)


@asynccontextmanager
async def scripted_server(answer: Answer, *, ready: bool = True) -> AsyncIterator[ScriptedServer]:
    """Serve what a function answers."""
    server, servicer = grpc.aio.server(), ScriptedServer(answer, ready=ready)
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    servicer.url = f"dns:///127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield servicer
    finally:
        await server.stop(None)


async def hang(_: pb.ModelInferRequest) -> pb.ModelInferResponse:
    """Never answer, until the call is cut off."""
    await asyncio.Event().wait()
    raise AssertionError
