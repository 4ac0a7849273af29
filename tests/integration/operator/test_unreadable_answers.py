"""Whatever comes in the API server's place, from a proxy say, is an error that is tried again."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.errors import UnavailableError

BODIES = {
    "a page": b"<html>",
    "letters that are none": b'{"kind": "\xff"}',
    "lists in lists": b"[" * 30_000 + b"]" * 30_000,
    "a list": b"[]",
}


async def call(body):
    async def answer(_):
        return web.Response(body=body)

    application = web.Application()
    application.router.add_get("/api", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            client = KubeClient(
                session, f"http://127.0.0.1:{runner.addresses[0][1]}", call_seconds=10
            )
            await client.get("/api")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_no_object_counts_as_no_answer(body):
    with pytest.raises(UnavailableError, match="not an object of the API"):
        asyncio.run(call(body))
