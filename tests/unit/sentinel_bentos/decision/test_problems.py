"""Every error has one answer, and every answer says what to do."""

from __future__ import annotations

import asyncio
import inspect

import grpc
import pytest
from fastapi import FastAPI, Request

from sentinel_bentos.decision import problems
from sentinel_bentos.decision.bodies import read_json
from sentinel_core import errors
from sentinel_core.errors import (
    ArtifactError,
    InvalidEventError,
    Problem,
    SentinelError,
    StoreUnavailableError,
    UnauthenticatedError,
)
from tests.support.application import client_of

CLASSES = [
    c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, SentinelError)
]


def answer_of(error):
    app = FastAPI(openapi_url=None)
    problems.install(app)

    async def fail(_: Request) -> None:
        raise error

    app.router.add_api_route("/fail", fail)

    async def ask():
        async with client_of(app) as client:
            return await client.get("/fail")

    return asyncio.run(ask())


def test_a_problem_names_every_fault():
    fault = Problem("payload.amount", "is below 0", "send a positive amount")
    answer = answer_of(InvalidEventError("Not valid.", (fault,), user_action="Mend it."))
    assert answer.json() == {
        "type": "tag:sentinel.dev,2026:problem/invalid_event",
        "title": "The event is not valid",
        "status": 422,
        "detail": "Not valid.",
        "code": "invalid_event",
        "user_action": "Mend it.",
        "retryable": False,
        "errors": [
            {
                "location": "payload.amount",
                "message": "is below 0",
                "hint": "send a positive amount",
            }
        ],
    }
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("cls", CLASSES, ids=[c.__name__ for c in CLASSES])
def test_retryable_errors_are_the_ones_that_ask_for_a_retry(cls):
    status, _, title = problems.answer_to(_make(cls))
    assert (status == 503, bool(title)) == (cls.retryable, True)


def test_what_may_be_retried_says_when():
    answer = answer_of(StoreUnavailableError("Gone.", user_action="Retry."))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_missing_credential_says_which_kind_is_asked_for():
    answer = answer_of(UnauthenticatedError("None.", user_action="Send one."))
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_error_that_nobody_expected_tells_nothing_of_the_inside():
    answer = answer_of(RuntimeError("password=hunter2"))
    assert (answer.status_code, "hunter2" in answer.text) == (500, False)
    assert answer.json()["code"] == "internal"


def test_a_method_that_is_not_allowed_says_which_are():
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.router.add_api_route("/only", lambda: None, methods=["POST"])

    async def ask():
        async with client_of(app) as client:
            return await client.get("/only")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["user_action"] == "Use POST."


def test_a_client_that_goes_away_in_the_middle_of_its_body_is_no_error_of_the_server():
    app = FastAPI(openapi_url=None)
    problems.install(app)

    async def read(request: Request) -> None:
        await read_json(request, 100)

    app.router.add_api_route("/read", read, methods=["POST"])
    came = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    sent = []

    async def receive():
        return next(came)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/read", "query_string": b"", "http_version": "1.1",
        "headers": [(b"content-type", b"application/json")],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 499


def _make(cls):
    if issubclass(cls, errors.ProblemsError):
        return cls("m", (), user_action="a")
    if issubclass(cls, ArtifactError | errors.ReleaseError):
        return cls("Reason", "m", user_action="a")
    return cls("m", user_action="a")


def test_every_answer_of_the_table_has_a_status_of_grpc():
    assert {type(answer.grpc) for answer in problems.ANSWERS.values()} == {grpc.StatusCode}
