"""What handlers reach of their application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings
from sentinel_core.errors import StoreUnavailableError


def serving_of(request: Request) -> Serving:
    """Return what this application serves."""
    serving: Serving = request.app.state.serving
    return serving


def settings_of(request: Request) -> Settings:
    """Return the settings of this application."""
    settings: Settings = request.app.state.settings
    return settings


@asynccontextmanager
async def budget(budget_ms: int) -> AsyncIterator[None]:
    """End a wait for the record in time, as an error that may be retried.

    Raises
    ------
    StoreUnavailableError
        The body took longer. What it wrote may be found later. Retryable: yes.
    """
    try:
        async with asyncio.timeout(budget_ms / 1000):
            yield
    except TimeoutError as error:
        raise StoreUnavailableError(
            f"The record did not answer within {budget_ms} ms.",
            user_action="Send the same request again; what was recorded is found.",
        ) from error
