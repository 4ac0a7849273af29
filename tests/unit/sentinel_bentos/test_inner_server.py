"""The public server stops without losing a request."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sentinel_bentos.inner_server import PublicServer, listen
from sentinel_core.errors import ConfigurationError
from tests.support.ports import free_port


async def hello(scope, receive, send):
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def run(test):
    asyncio.run(asyncio.wait_for(test, 60))


async def started(app):
    port = free_port()
    server = PublicServer(app, listen("127.0.0.1", port))
    server.start()
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    return server, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False)


def test_a_request_under_way_is_answered_before_the_end():
    async def test():
        came, go_on = asyncio.Event(), asyncio.Event()

        async def slow(scope, receive, send):
            came.set()
            await go_on.wait()
            await hello(scope, receive, send)

        server, client = await started(slow)
        async with client:
            asked = asyncio.create_task(client.get("/"))
            await came.wait()
            stopping = asyncio.create_task(server.stop())
            go_on.set()
            assert (await asked).text == "hello"
            await stopping

    run(test())


def test_a_kept_alive_client_is_told_to_go_with_its_last_answer():
    async def test():
        server, client = await started(hello)
        async with client:
            assert "connection" not in (await client.get("/")).headers
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0)
            last = await client.get("/")
            assert (last.text, last.headers["connection"]) == ("hello", "close")
            await stopping

    run(test())


def test_after_the_end_nobody_is_answered():
    async def test():
        server, client = await started(hello)
        await server.stop()
        async with client:
            with pytest.raises(httpx.ConnectError):
                await client.get("/")

    run(test())


def test_an_address_that_cannot_be_opened_is_named():
    # An address of documentation (RFC 5737), which no machine has.
    with pytest.raises(ConfigurationError, match=r"The port 3000 of 192\.0\.2\.1"):
        listen("192.0.2.1", 3000)
