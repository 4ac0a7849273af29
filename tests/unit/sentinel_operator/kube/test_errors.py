"""Each answer of the API server becomes one error, which says whether trying again may help."""

from __future__ import annotations

import pytest

from sentinel_operator.kube import errors

STATUS = {"kind": "Status", "message": "the words"}
ANSWERS = {
    400: (errors.RefusedError, False),
    401: (errors.UnauthorizedError, True),
    403: (errors.RefusedError, False),
    404: (errors.GoneError, False),
    409: (errors.ConflictedError, True),
    413: (errors.RefusedError, False),
    422: (errors.RefusedError, False),
    429: (errors.ThrottledError, True),
    500: (errors.UnavailableError, True),
    503: (errors.UnavailableError, True),
    504: (errors.UnavailableError, True),
}


@pytest.mark.parametrize(("status", "expected"), ANSWERS.items())
def test_an_answer_becomes_its_error(status, expected):
    error = errors.from_answer("GET /x", status, STATUS, {})
    assert expected == (type(error), error.retryable)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, 'Internal error occurred: failed calling webhook "a.b.c": failed to call webhook'),
        (500, 'admission webhook "a.b.c" denied the request: it has a fault'),
        (404, 'admission webhook "a.b.c" denied the request: no team of that name'),
    ],
)
def test_what_a_webhook_keeps_from_being_written_is_refused_whatever_the_code(status, words):
    error = errors.from_answer("PATCH /x", status, {"kind": "Status", "message": words}, {})
    assert (errors.RefusedError, words) == (type(error), error.words)


def test_a_field_that_an_older_definition_lacks_is_refused():
    words = "failed to create typed patch object (/a; sentinel.dev/v1alpha1): .status.newer: field"
    error = errors.from_answer("PATCH /x", 500, {"kind": "Status", "message": words}, {})
    assert (errors.RefusedError, words) == (type(error), error.words)


def test_other_internal_errors_pass_by_themselves():
    body = {"kind": "Status", "message": "Internal error occurred: etcdserver: no leader"}
    assert type(errors.from_answer("PATCH /x", 500, body, {})) is errors.UnavailableError


def test_an_object_that_is_there_is_no_conflict():
    body = STATUS | {"reason": "AlreadyExists"}
    assert type(errors.from_answer("POST /x", 409, body, {})) is errors.AlreadyThereError


def test_a_namespace_that_ends_is_no_refusal():
    body = STATUS | {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    assert type(errors.from_answer("POST /x", 403, body, {})) is errors.GoneError


def test_the_wait_that_the_api_server_asks_for_is_kept():
    assert (
        errors.from_answer("GET /x", 429, STATUS, {"Retry-After": "7"}).retry_after_seconds == 7.0
    )


@pytest.mark.parametrize("value", ["", "soon", "-1", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_wait_that_is_no_number_of_seconds_is_none(value):
    headers = {"Retry-After": value} if value else {}
    assert errors.from_answer("GET /x", 503, STATUS, headers).retry_after_seconds is None


def test_a_refusal_keeps_the_api_servers_words_for_the_status():
    error = errors.from_answer("PATCH /x", 422, STATUS, {})
    assert isinstance(error, errors.RefusedError)
    assert error.words == "the words"


def test_an_answer_without_words_says_what_its_code_stands_for():
    assert "502 Bad Gateway" in str(errors.from_answer("GET /x", 502, {}, {}))


def test_a_code_that_nobody_registered_is_an_error_too():
    assert type(errors.from_answer("GET /x", 599, {}, {})) is errors.UnavailableError
