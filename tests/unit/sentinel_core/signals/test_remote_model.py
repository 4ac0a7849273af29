"""The signal of a model at its server takes no answer but the right one, and says what went wrong."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import numpy as np
import pytest

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.clock import FixedClock, SystemClock
from sentinel_core.ids import digest_bytes
from sentinel_core.oip.client import ModelServer, ModelServers
from sentinel_core.oip.tensors import build_response
from sentinel_core.signals.model import ModelUse, OnFailure
from sentinel_core.signals.remote import RemoteModel
from tests.support.artifacts import FEATURES, write_small_artifact
from tests.support.oip_servers import NAME, hang, scripted_server

VECTOR = (1.5, float("nan"), 3.0)
DIGEST = digest_bytes(b"artifact")
RIGHT = {"probability": [0.25], "margin": [-1.5]}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts") / "model"
    write_small_artifact(folder)
    return read_artifact(folder).manifest


def make_model(manifest, server, *, deadline_us=60_000_000, clock=None):
    use = ModelUse(
        "fraud", manifest, feature_names=FEATURES, deadline_us=deadline_us,
        on_failure=OnFailure(), phrases={},
    )  # fmt: skip
    return RemoteModel(
        use, server, model_name=NAME, digest=DIGEST, has_trees=True, clock=clock or SystemClock()
    )


@asynccontextmanager
async def connected(url):
    server = ModelServer(url)
    try:
        yield server
    finally:
        await server.close()


def answers(outputs, *, version=DIGEST):
    """Return a server's function that gives these outputs."""

    async def answer(_):
        arrays = {name: np.array(values, np.float32) for name, values in outputs.items()}
        return build_response(NAME, version, arrays)

    return answer


def ask(manifest, answer, *, deadline_us=60_000_000, explain=False):
    async def run():
        async with scripted_server(answer) as scripted, connected(scripted.url) as server:
            model = make_model(manifest, server, deadline_us=deadline_us)
            return await model.ask(VECTOR, history_lost=False, explain=explain, until_ns=None)

    return asyncio.run(run())


def test_the_request_names_the_artifact_and_carries_the_row(manifest):
    seen = []

    async def note(request):
        seen.append(request)
        return await answers(RIGHT)(request)

    ask(manifest, note)
    (request,) = seen
    row = np.frombuffer(request.raw_input_contents[0], "<f4")
    assert (request.model_name, request.model_version) == (NAME, DIGEST)
    assert [output.name for output in request.outputs] == ["probability", "margin"]
    assert np.array_equal(row, np.array(VECTOR, np.float32), equal_nan=True)


WRONG = {
    "another version": (answers(RIGHT, version="sha256:0"), "WrongVersion"),
    "a probability above 1": (answers(RIGHT | {"probability": [1.5]}), "NotFinite"),
    "no probability at all": (answers({"margin": [0.5]}), "SchemaMismatch"),
    "an infinite margin": (answers(RIGHT | {"margin": [float("inf")]}), "NotFinite"),
    "a missing number": (answers(RIGHT | {"probability": [float("nan")]}), "NotFinite"),
    "two rows": (answers(RIGHT | {"probability": [0.1, 0.2]}), "SchemaMismatch"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_answer_that_is_not_one_fails_by_reason(manifest, what):
    answer, reason = WRONG[what]
    signal = ask(manifest, answer)
    assert (signal.status, signal.score, signal.raw) == ("failed", None, None)
    assert signal.reasons[0].text == f"Model fraud failed: {reason}"


def test_contributions_that_are_missing_fail_where_they_were_asked_for(manifest):
    assert ask(manifest, answers(RIGHT)).status == "ok"
    assert ask(manifest, answers(RIGHT), explain=True).status == "failed"


def test_a_server_that_breaks_fails_with_its_status(manifest):
    async def break_down(_):
        raise ValueError

    signal = ask(manifest, break_down)
    assert signal.reasons[0].text == "Model fraud failed: UNKNOWN"


def test_a_server_that_hangs_is_late(manifest):
    signal = ask(manifest, hang, deadline_us=20_000)
    assert signal.status == "late"
    assert signal.reasons[0].text == "Model fraud did not answer within 20000 us"


def test_what_goes_wrong_is_logged_once_and_so_is_its_end(manifest, caplog):
    clock = FixedClock(1)

    async def run():
        async with scripted_server(hang) as scripted, connected(scripted.url) as server:
            model = make_model(manifest, server, clock=clock)
            for outputs in ({}, {}, RIGHT, {}, RIGHT):
                scripted.answer = answers(outputs)
                await model.ask(VECTOR, history_lost=False, explain=False, until_ns=None)
            clock.put(11_000_000)
            for outputs in (RIGHT, RIGHT, {}):
                scripted.answer = answers(outputs)
                await model.ask(VECTOR, history_lost=False, explain=False, until_ns=None)

    with caplog.at_level(logging.INFO, "sentinel_core.signals.remote"):
        asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_calls_under_way_end_before_a_connection_is_given_up(manifest):
    async def run():
        arrived = asyncio.Event()

        async def slow(request):
            arrived.set()
            await asyncio.sleep(0.05)
            return await answers(RIGHT)(request)

        async with scripted_server(slow) as scripted:
            servers = ModelServers()
            model = make_model(manifest, servers.get(scripted.url))
            asking = asyncio.create_task(
                model.ask(VECTOR, history_lost=False, explain=False, until_ns=None)
            )
            await arrived.wait()
            servers.keep_to(set())
            first = await asking
            await servers.close()
            return first, await model.ask(VECTOR, history_lost=False, explain=False, until_ns=None)

    under_way, after = asyncio.run(run())
    assert (under_way.status, after.status) == ("ok", "failed")
    assert after.reasons[0].text == "Model fraud failed: CLOSED"


def test_releases_that_name_one_server_share_its_connection():
    servers = ModelServers()
    assert servers.get("dns:///a:3001") is servers.get("dns:///a:3001")
    assert servers.get("dns:///a:3001") is not servers.get("dns:///b:3001")
