"""The one place where our errors become answers: RFC 9457 problem details, and statuses of gRPC."""

from __future__ import annotations

from typing import NamedTuple

import grpc
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sentinel_bentos.http_errors import MethodNotAllowedError, UnsupportedMediaTypeError
from sentinel_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidEventError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    Problem,
    ProblemsError,
    SentinelError,
    StoreLockedError,
    StoreUnavailableError,
    TooLargeError,
    UnauthenticatedError,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
"""When a retryable refusal may be tried again: a commit takes milliseconds, a start up to 20 s."""


GONE_STATUS = 499
"""Under which requests are counted whose client went away in the middle, as nginx does; no client
ever sees it."""


class _Answer(NamedTuple):
    status: int
    grpc: grpc.StatusCode
    title: str


_CODES = grpc.StatusCode
ANSWERS: dict[type[SentinelError], _Answer] = {
    InvalidEventError: _Answer(422, _CODES.INVALID_ARGUMENT, "The event is not valid"),
    InvalidRequestError: _Answer(422, _CODES.INVALID_ARGUMENT, "The request is not valid"),
    UnsupportedMediaTypeError: _Answer(415, _CODES.INVALID_ARGUMENT, "The body must be JSON"),
    TooLargeError: _Answer(413, _CODES.RESOURCE_EXHAUSTED, "The body is too large"),
    ConflictError: _Answer(409, _CODES.ALREADY_EXISTS, "The id is taken"),
    MethodNotAllowedError: _Answer(405, _CODES.UNIMPLEMENTED, "The method is not allowed"),
    NotFoundError: _Answer(404, _CODES.NOT_FOUND, "Not found"),
    ForbiddenError: _Answer(403, _CODES.PERMISSION_DENIED, "Not allowed"),
    UnauthenticatedError: _Answer(401, _CODES.UNAUTHENTICATED, "A credential is needed"),
    NotReadyError: _Answer(503, _CODES.UNAVAILABLE, "The server is not ready"),
    StoreUnavailableError: _Answer(503, _CODES.UNAVAILABLE, "The record is not available"),
    StoreLockedError: _Answer(503, _CODES.UNAVAILABLE, "The record is in use"),
    SentinelError: _Answer(500, _CODES.INTERNAL, "The server failed"),
}
"""Statuses and title by error. A class that is not here answers as its nearest base does."""


class FieldProblem(BaseModel):
    """One fault in a request."""

    model_config = ConfigDict(frozen=True)

    location: str = Field(description="Dotted path of the field, such as payload.amount.")
    message: str = Field(description="What is wrong there.")
    hint: str = Field(description="What to do about it.")


class ProblemDetails(BaseModel):
    """Why a request was refused, and what to do (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the kind of problem, as a URI.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    code: str = Field(description="Stable name of the kind of problem, as a word.")
    user_action: str = Field(description="The next thing to do.")
    retryable: bool = Field(description="Whether the same request may succeed later.")
    errors: tuple[FieldProblem, ...] = Field((), description="Each fault, where there are several.")


def answer_to(error: SentinelError) -> _Answer:
    """Return the statuses and the title that an error is answered with."""
    return next(ANSWERS[cls] for cls in type(error).__mro__ if cls in ANSWERS)


def faults_of(error: SentinelError) -> tuple[Problem, ...]:
    """Return each fault that an error names."""
    return error.problems if isinstance(error, ProblemsError) else ()


def describe(error: SentinelError, most_faults: int | None = None) -> ProblemDetails:
    """Turn an error into the problem that a client is told, with the first of its faults or all."""
    status, _, title = answer_to(error)
    return ProblemDetails(
        # RFC 9457, 3.1.1, recommends tag URIs for types that are not served anywhere.
        type=f"tag:sentinel.dev,2026:problem/{error.code}",
        title=title,
        status=status,
        detail=error.message,
        code=error.code,
        user_action=error.user_action,
        retryable=error.retryable,
        errors=tuple(
            FieldProblem(location=p.location, message=p.message, hint=p.hint)
            for p in faults_of(error)[:most_faults]
        ),
    )


def respond(error: SentinelError, headers: dict[str, str] | None = None) -> Response:
    """Answer a request with a problem."""
    problem = describe(error)
    headers = dict(headers or {})
    if error.retryable:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="sentinel"'
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have an application answer every error as a problem."""
    app.add_exception_handler(SentinelError, _on_own)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    # Starlette raises the error again after this answer, so that the server logs its trace.
    app.add_exception_handler(Exception, _on_unexpected)


def not_json(location: str, message: str) -> InvalidRequestError:
    """Build the refusal of a body with one fault."""
    return invalid_request([Problem(location, message, "see the OpenAPI document at /docs")])


def invalid_request(problems: list[Problem]) -> InvalidRequestError:
    """Build the refusal of a request that is no event."""
    names = ", ".join(p.location for p in problems)
    return InvalidRequestError(
        f"The request is not valid: {names}.",
        tuple(problems),
        user_action="Correct the fields named above and send the request again.",
    )


async def _on_own(_: Request, error: Exception) -> Response:
    assert isinstance(error, SentinelError)
    return respond(error)


async def _on_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return respond(
        invalid_request(
            [
                Problem(".".join(str(p) for p in fault["loc"]), fault["msg"], fault["type"])
                for fault in error.errors()
            ]
        )
    )


async def _on_http(request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses: no such path, or not with this method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        return respond(
            MethodNotAllowedError(
                f"{request.method} is not allowed here.",
                user_action=f"Use {headers.get('Allow', 'another method')}.",
            ),
            headers,
        )
    if error.status_code == 404:
        return respond(
            NotFoundError("There is no such path.", user_action="See /docs for those there are.")
        )
    return respond(
        SentinelError(str(error.detail), user_action="See /docs for what this path takes.")
    )


async def _on_gone(_: Request, __: Exception) -> Response:
    """End a request that nobody waits for; it is no error of the server."""
    return Response(status_code=GONE_STATUS)


async def _on_unexpected(_: Request, __: Exception) -> Response:
    return respond(
        SentinelError(
            "The server met an error that it did not expect.",
            user_action="Look into the server's log; if it is not there, report it as a bug.",
        )
    )
