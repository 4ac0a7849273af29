"""Every answer is counted and has its headers, also where something went wrong inside."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import LocalCallers
from tests.support.application import build_serving, build_settings, client_of
from tests.support.decision_server import wire_payment


class BrokenCallers(LocalCallers):
    def identify(self, headers):
        raise RuntimeError("password=hunter2")


def ask(folder, callers, path):
    """Send a payment to a server that serves nothing yet; return its answer and what was counted."""

    async def send():
        serving = build_serving()
        async with client_of(build_app(serving, build_settings(folder), callers)) as client:
            answer = await client.post(path, json=wire_payment("e"))
        samples = next(iter(serving.metrics.requests.collect())).samples
        counted = {
            tuple(one.labels.values()): one.value for one in samples if one.name.endswith("_total")
        }
        return answer, counted

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("callers", "path", "counted"),
    [
        (LocalCallers(), "/api/v1/score", ("/score", "POST", "503")),
        (LocalCallers(), "/nowhere", ("none", "POST", "404")),
        (BrokenCallers(), "/api/v1/score", ("/score", "POST", "500")),
    ],
    ids=["refused", "no path", "unexpected"],
)
def test_an_answer_is_counted_and_names_its_type(tmp_path, callers, path, counted):
    answer, samples = ask(tmp_path, callers, path)
    assert samples == {counted: 1.0}
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_unexpected_error_is_a_problem_that_tells_nothing_of_the_inside(tmp_path):
    answer, _ = ask(tmp_path, BrokenCallers(), "/api/v1/score")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
