"""Counting requests by names from closed sets."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentinel_bentos.decision.policy import PolicyRoute
from sentinel_core.telemetry import DecisionMetrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
"""Label of requests to paths that do not exist: the path itself would be a new series each time."""


class RequestMetrics:
    """Counts each answered request by route, method and status.

    Every label is one of a closed set: routes of this application, methods of HTTP, and statuses
    that we answer with.
    """

    def __init__(self, app: ASGIApp, metrics: DecisionMetrics) -> None:
        self._app = app
        self._requests = metrics.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def count_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"])
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        await self._app(scope, receive, count_and_send)

    def _count(self, scope: Scope, status: int) -> None:
        route = scope.get("route")
        name = route.short_path if isinstance(route, PolicyRoute) else NO_ROUTE
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(name, method, str(status)).inc()
