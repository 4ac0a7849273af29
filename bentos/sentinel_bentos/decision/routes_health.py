"""Whether the server lives, and whether it decides."""

from __future__ import annotations

from fastapi import Request, Response

from sentinel_bentos.decision.answers import answer_json
from sentinel_bentos.decision.context import serving_of
from sentinel_bentos.decision.endpoints import Endpoint
from sentinel_bentos.decision.schemas import HealthAnswer, ReadyAnswer
from sentinel_core.errors import NotReadyError


async def health(_: Request) -> Response:
    """Answer as long as the process does."""
    return answer_json(HealthAnswer())


async def ready(request: Request) -> Response:
    """Answer 503 with the reason until the server decides."""
    stable = serving_of(request).engine.served().stable
    assert stable is not None  # an engine is opened with a stable release
    return answer_json(ReadyAnswer(release=stable))


ENDPOINTS = (
    Endpoint("GET", "/health", health, "health", HealthAnswer),
    Endpoint("GET", "/ready", ready, "health", ReadyAnswer, (NotReadyError,)),
)
