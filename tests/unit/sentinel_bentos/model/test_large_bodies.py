"""Large bodies are refused with an answer that arrives, and are not read on the event loop."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading

import pytest

from sentinel_bentos.inner_server import PublicServer, listen
from sentinel_bentos.model import rest, rest_bodies
from sentinel_bentos.model.rest import MAX_BODY_BYTES, RestApp
from sentinel_bentos.model.scoring import Scoring
from tests.support.application import become
from tests.support.malformed_inference import INFER
from tests.support.model_application import ModelFolder, rest_client, serving_model
from tests.support.model_server import infer_body
from tests.support.ports import free_port

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


class NeverRead:
    def decode(self, data):
        raise AssertionError("the numbers were read")


def post_data(tmp_path, text, rows):
    """Return the answer to a request whose data are a text of JSON."""
    body = json.dumps(infer_body([[0.0, 0.0, 0.0]])).replace("[[0.0, 0.0, 0.0]]", text)
    body = body.replace("[1, 3]", f"[{rows}, 3]")
    models = ModelFolder(tmp_path)

    async def ask():
        async with rest_client(models, models.write(1)) as (client, _):
            return await client.post(INFER, content=body.encode())

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "text",
    [f"[{'[],' * 99_999}[]]", f"[{'0,' * 99_999}0]", f"[{'[[0,0,0]],' * 9_999}[[0,0,0]]]"],
    ids=["empty lists", "too many numbers", "nested too deep"],
)
def test_a_large_body_that_cannot_fit_its_shape_is_refused_unread(tmp_path, monkeypatch, text):
    monkeypatch.setattr(rest_bodies, "_NUMBERS_DECODER", NeverRead())
    answer = post_data(tmp_path, text, 10_000)
    assert (answer.status_code, "do not fit its shape" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "text",
    [f"[{'[0.123456789,null,0.5],' * 4_999}[0.123456789,null,0.5]]",
     f"[{'0.123456789,null,0.5,' * 4_999}0.123456789,null,0.5]"],
    ids=["nested", "flat"],
)  # fmt: skip
def test_a_large_body_that_fits_is_scored_like_a_small_one(tmp_path, text):
    large = post_data(tmp_path / "large", text, 5_000)
    small = post_data(tmp_path / "small", "[0.123456789,null,0.5]", 1)
    margins = [answer.json()["outputs"][1]["data"] for answer in (large, small)]
    assert margins[0] == margins[1] * 5_000


def test_a_large_body_that_is_no_numbers_is_refused(tmp_path):
    answer = post_data(tmp_path, f'[{"0," * 29_998}0,"{"a" * 10_000}"]', 10_000)
    assert (answer.status_code, "Expected" in answer.text) == (400, True)


@pytest.mark.parametrize(("rows", "thread"), [(1, "MainThread"), (10_000, "scoring_0")])
def test_large_bodies_are_read_on_the_thread_of_large_requests(tmp_path, monkeypatch, rows, thread):
    threads = []

    def parse(*given):
        threads.append(threading.current_thread().name)
        return rest_bodies.parse_infer(*given)

    monkeypatch.setattr(rest, "parse_infer", parse)
    answer = post_data(tmp_path, json.dumps([0.25] * (3 * rows)), rows)
    assert (answer.status_code, threads) == (200, [thread])
