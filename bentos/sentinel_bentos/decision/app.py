"""The public application: what answers on port 3000."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from sentinel_bentos.decision import (
    problems,
    routes_decisions,
    routes_docs,
    routes_health,
    routes_score,
)
from sentinel_bentos.decision.auth import Callers
from sentinel_bentos.decision.document import complete
from sentinel_bentos.decision.endpoints import add_endpoints
from sentinel_bentos.decision.metrics import RequestMetrics
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings

API_VERSION = "1"
"""Version of the API, not of the program: it moves when a client must."""


def build_app(serving: Serving, settings: Settings, callers: Callers) -> ASGIApp:
    """Build the application over what is served; it may be built before anything is ready."""
    app = build_routes()
    app.state.serving = serving
    app.state.settings = settings
    app.state.callers = callers
    # Around the whole: what is added as middleware stands inside of the answer to unexpected errors.
    return RequestMetrics(app, serving.metrics)


def build_routes() -> FastAPI:
    """Build the application's routes and document alone, which need nothing to be served."""
    app = FastAPI(title="Sentinel", version=API_VERSION, openapi_url=None, redirect_slashes=False)
    endpoints = (
        *routes_score.ENDPOINTS,
        *routes_decisions.ENDPOINTS,
        *routes_health.ENDPOINTS,
    )
    add_endpoints(app, endpoints)
    routes_docs.add_pages(app)
    problems.install(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # as FastAPI's guide does
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        plain = get_openapi(
            title=app.title,
            version=app.version,
            summary="Risk decisions with reasons, their record and their replay.",
            routes=app.routes,
        )
        app.openapi_schema = complete(plain)
    return app.openapi_schema
