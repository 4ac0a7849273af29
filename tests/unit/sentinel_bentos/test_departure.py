"""A gRPC server that stops under load loses no call that reached it."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest

from sentinel_bentos.model.grpc_server import GrpcServer
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.scoring import Scoring
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import build_request
from tests.support.application import become
from tests.support.grpc_channel import OWN_CONNECTION
from tests.support.model_application import ModelFolder, serving_model
from tests.support.model_server import NAME

CLIENTS = 16
REQUEST = build_request(NAME, "", np.zeros((1, 3), dtype=np.float32))


async def call_until_gone(address, answered):
    """Call one after the other until nobody listens any more; return why the last call failed."""
    async with grpc.aio.insecure_channel(address, options=OWN_CONNECTION) as channel:
        stub = GRPCInferenceServiceStub(channel)
        while True:
            try:
                await stub.ModelInfer(REQUEST, timeout=30)
            except grpc.aio.AioRpcError as error:
                return error
            answered.append(True)


def refused_to_connect(error):
    return error.code() == grpc.StatusCode.UNAVAILABLE and "Failed to connect" in error.details()


@pytest.mark.parametrize("attempt", range(3))
def test_every_call_that_arrives_is_answered(tmp_path, attempt):
    async def test():
        models = ModelFolder(tmp_path)
        models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            scoring = Scoring()
            server = GrpcServer(InferenceServicer(serving, scoring))
            port = await server.start("127.0.0.1", 0)
            answered = []
            calls = [call_until_gone(f"127.0.0.1:{port}", answered) for _ in range(CLIENTS)]
            clients = asyncio.gather(*calls)
            await become(lambda: len(answered) > CLIENTS)
            await server.stop(farewell_seconds=0)
            ends = await clients
            scoring.close()
            return [f"{e.code()}: {e.details()}" for e in ends if not refused_to_connect(e)]

    assert asyncio.run(asyncio.wait_for(test(), 120)) == []


def test_a_server_without_load_stops_as_well(tmp_path):
    async def test():
        models = ModelFolder(tmp_path)
        async with serving_model(models) as serving:
            server = GrpcServer(InferenceServicer(serving, Scoring()))
            await server.start("127.0.0.1", 0)
            await server.stop(farewell_seconds=0)

    asyncio.run(asyncio.wait_for(test(), 60))
