"""A server that is told to stop gives what is under way the seconds that its settings say."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sentinel_bentos.decision.server import DecisionServer
from sentinel_bentos.model.server import ModelServer
from sentinel_bentos.model.serving import ModelServing
from sentinel_core.telemetry import ModelServerMetrics
from tests.support.application import build_serving
from tests.support.ports import free_port


def build_decision_server():
    return DecisionServer(build_serving())


def build_model_server():
    return ModelServer(ModelServing(ModelServerMetrics(CollectorRegistry())))


@pytest.mark.parametrize("build", [build_decision_server, build_model_server])
@pytest.mark.parametrize(("given", "expected"), [("45", 45), (None, 10)])
def test_both_ports_drain_as_long_as_the_settings_say(
    tmp_path, monkeypatch, build, given, expected
):
    environment = {
        "RELEASE_DIR": str(tmp_path), "STATE_DIR": str(tmp_path), "MODEL_NAME": "card-fraud",
        "HTTP_PORT": str(free_port()), "GRPC_PORT": str(free_port()), "DRAIN_SECONDS": given,
    }  # fmt: skip
    for name, value in environment.items():
        if value is not None:
            monkeypatch.setenv(f"SENTINEL_{name}", value)

    async def stop():
        server = build()
        await server.start()
        public, grpc_server = server._public, server._grpc
        told = []
        stop_grpc = grpc_server._server.stop

        async def stop_noted(grace):
            told.append(grace)
            await stop_grpc(grace)

        grpc_server._server.stop = stop_noted
        while not public.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        await server.stop()
        return [public._server.config.timeout_graceful_shutdown, *told]

    assert asyncio.run(asyncio.wait_for(stop(), 60)) == [expected, expected]
