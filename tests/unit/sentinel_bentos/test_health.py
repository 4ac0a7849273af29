"""Clients that watch a server's health hear of every change, and do not keep it from stopping."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sentinel_bentos.health import HealthServicer
from sentinel_bentos.inner_grpc import InnerGrpcServer, Limits

SERVICE = "test.Service"
KINDS = health_pb2.HealthCheckResponse
SERVING, NOT_SERVING, UNKNOWN = KINDS.SERVING, KINDS.NOT_SERVING, KINDS.SERVICE_UNKNOWN


def run(scenario):
    """Run a scenario with a server and a stub of its health service."""

    async def main():
        limits = Limits(max_request_bytes=1024, longest_call_seconds=10)
        server = InnerGrpcServer(SERVICE, lambda _: None, limits)
        port = await server.start("127.0.0.1", 0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            return await scenario(server, health_pb2_grpc.HealthStub(channel))

    return asyncio.run(asyncio.wait_for(main(), 60))


def ask(service):
    return health_pb2.HealthCheckRequest(service=service)


async def statuses(watch):
    """Yield what a watch hears; `read` would pass over a last message that came with the end."""
    async for message in watch:
        yield message.status


@pytest.mark.parametrize("service", ["", SERVICE])
def test_each_watch_hears_every_change_and_ends_with_the_server(service):
    async def scenario(server, stub):
        watches = [stub.Watch(ask(service)) for _ in range(2)]
        heard = [statuses(watch) for watch in watches]
        told = [[await anext(one)] for one in heard]
        await server.announce(serving=True)
        for of_one, one in zip(told, heard, strict=True):
            of_one.append(await anext(one))
        # Before the server cancels what is under way, which is a status of its own.
        stopping = asyncio.create_task(server.stop(farewell_seconds=0))
        for of_one, one in zip(told, heard, strict=True):
            of_one += [status async for status in one]
        codes = [await watch.code() for watch in watches]
        await stopping
        return told, codes

    told = [NOT_SERVING, SERVING, NOT_SERVING]
    assert run(scenario) == ([told, told], [grpc.StatusCode.OK] * 2)


def test_a_watch_hears_of_a_server_that_leaves_while_the_news_before_is_written():
    servicer = HealthServicer((SERVICE,))
    told = []

    class SlowClient:
        async def write(self, message):
            told.append(message.status)
            await servicer.leave()

    async def scenario():
        await servicer.announce(serving=True)
        await servicer.Watch(ask(SERVICE), SlowClient())

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert told == [SERVING, NOT_SERVING]


def test_a_watch_that_its_client_ends_takes_nothing_from_another():
    async def scenario(server, stub):
        first, second = stub.Watch(ask("")), stub.Watch(ask(""))
        told = [(await watch.read()).status for watch in (first, second)]
        first.cancel()
        await server.announce(serving=True)
        told.append((await second.read()).status)
        await server.stop(farewell_seconds=0)
        return told

    assert run(scenario) == [NOT_SERVING, NOT_SERVING, SERVING]


def test_a_service_that_is_not_there_is_unknown_to_a_watch_and_not_found_by_a_check():
    async def scenario(server, stub):
        told = (await stub.Watch(ask("test.Other")).read()).status
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Check(ask("test.Other"))
        await server.stop(farewell_seconds=0)
        return told, raised.value.code()

    assert run(scenario) == (UNKNOWN, grpc.StatusCode.NOT_FOUND)


def test_a_server_that_leaves_says_so_to_the_end():
    async def scenario(server, stub):
        await server.announce(serving=True)
        told = [(await stub.Check(ask(SERVICE))).status]
        await server._health.leave()
        await server.announce(serving=True)
        told.append((await stub.Check(ask(SERVICE))).status)
        told += [status async for status in statuses(stub.Watch(ask(SERVICE)))]
        await server.stop(farewell_seconds=0)
        return told

    assert run(scenario) == [SERVING, NOT_SERVING, NOT_SERVING]
