"""The one place where our errors become answers of the Open Inference Protocol."""

from __future__ import annotations

from typing import NamedTuple

import grpc

from sentinel_bentos.http_errors import MethodNotAllowedError, UnsupportedMediaTypeError
from sentinel_bentos.model.scoring import OverloadedError
from sentinel_core.errors import (
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    ProblemsError,
    SentinelError,
    TooLargeError,
)
from sentinel_core.oip.tensors import InvalidTensorError


class Status(NamedTuple):
    """How an error is answered over HTTP and over gRPC."""

    http: int
    grpc: grpc.StatusCode


_CODES = grpc.StatusCode
STATUSES: dict[type[SentinelError], Status] = {
    InvalidTensorError: Status(400, _CODES.INVALID_ARGUMENT),
    InvalidRequestError: Status(400, _CODES.INVALID_ARGUMENT),
    NotFoundError: Status(404, _CODES.NOT_FOUND),
    MethodNotAllowedError: Status(405, _CODES.UNIMPLEMENTED),
    TooLargeError: Status(413, _CODES.RESOURCE_EXHAUSTED),
    UnsupportedMediaTypeError: Status(415, _CODES.INVALID_ARGUMENT),
    OverloadedError: Status(503, _CODES.RESOURCE_EXHAUSTED),
    NotReadyError: Status(503, _CODES.UNAVAILABLE),
    SentinelError: Status(500, _CODES.INTERNAL),
}
"""By error. A class that is not here answers as its nearest base does."""


def status_of(error: SentinelError) -> Status:
    """Return how an error is answered."""
    return next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)


def text_of(error: SentinelError) -> str:
    """Say on one line what happened and what to do: the protocol has one text for both."""
    if not isinstance(error, ProblemsError):
        return str(error)
    return " ".join(f"{p.location}: {p.message}. {p.hint}" for p in error.problems)
