"""The public application over a real engine, in this process and without a port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
from prometheus_client import CollectorRegistry

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import Callers, LocalCallers
from sentinel_bentos.decision.rpc.service import build_grpc_server
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.release import write_projection
from sentinel_core.telemetry import DecisionMetrics
from tests.support.pipelines import build_release


def build_settings(folder: Path, **changes: Any) -> Settings:
    values = {
        "release_dir": folder / "releases",
        "state_dir": folder / "state",
        "budget_ms": 60_000,
    }
    return Settings(**(values | changes))


def build_serving() -> Serving:
    return Serving(DecisionMetrics(CollectorRegistry()))


@asynccontextmanager
async def running(serving: Serving, settings: Settings) -> AsyncIterator[None]:
    """Have something served until the end of this."""
    task = asyncio.create_task(serving.run(settings))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await serving.close()


async def become(check: Any) -> None:
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110 - the server under test has no event for it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def application(
    folder: Path, callers: Callers | None = None, **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an application that is ready to decide."""
    write_projection(folder / "releases", build_release())
    settings, serving = build_settings(folder, **changes), build_serving()
    app = build_app(serving, settings, callers or LocalCallers())
    async with running(serving, settings), client_of(app) as client:
        await become(lambda: serving.ready)
        yield client


@asynccontextmanager
async def grpc_application(
    folder: Path, callers: Callers | None = None, **changes: Any
) -> AsyncIterator[GrpcApplication]:
    """Return clients of both protocols over one engine that is ready to decide."""
    write_projection(folder / "releases", build_release())
    settings, serving = build_settings(folder, **changes), build_serving()
    callers = callers or LocalCallers()
    server = build_grpc_server(serving, settings, callers)
    async with running(serving, settings), client_of(build_app(serving, settings, callers)) as http:
        await become(lambda: serving.ready)
        port = await server.start("127.0.0.1", 0)
        await server.announce(serving=True)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = DecisionServiceStub(channel)
                yield GrpcApplication(serving, channel, stub, http)
        finally:
            await server.stop(farewell_seconds=0)


@dataclass(frozen=True, slots=True)
class GrpcApplication:
    serving: Serving
    channel: grpc.aio.Channel
    stub: DecisionServiceStub
    http: httpx.AsyncClient


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
