"""Large bodies are refused with an answer that arrives, and are not read on the event loop."""

from __future__ import annotations

import asyncio
import http.client
import json

import pytest

from sentinel_bentos.inner_server import PublicServer, listen
from sentinel_bentos.model.rest import MAX_BODY_BYTES, RestApp
from sentinel_bentos.model.scoring import Scoring
from tests.support.application import become
from tests.support.decision_server import free_port
from tests.support.malformed_inference import INFER
from tests.support.model_application import ModelFolder, serving_model
from tests.support.model_server import infer_body

ROW = json.dumps(infer_body([[1.0, 2.0, 3.0]])).encode()


def ask_on_one_connection(port, bodies):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    told = []
    for body in bodies:
        connection.request("POST", INFER, body)
        answer = connection.getresponse()
        told.append((answer.status, answer.getheader("connection"), bool(answer.read())))
    connection.close()
    return told


@pytest.mark.parametrize(
    "large",
    [b" " * (5 * MAX_BODY_BYTES), (b" " * MAX_BODY_BYTES for _ in range(5))],
    ids=["announced", "in chunks"],
)
def test_a_client_reads_why_its_body_is_too_large_and_keeps_its_connection(tmp_path, large):
    models = ModelFolder(tmp_path)
    models.assign(models.write(1))

    async def ask():
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            scoring, port = Scoring(), free_port()
            server = PublicServer(RestApp(serving, scoring), listen("127.0.0.1", port))
            server.start()
            await become(lambda: server.started)
            told = await asyncio.to_thread(ask_on_one_connection, port, [large, ROW])
            await server.stop()
            scoring.close()
            return told

    assert asyncio.run(ask()) == [(413, None, True), (200, None, True)]
