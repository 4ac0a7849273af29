"""What the Bento's own server adds on port 3002: metrics, and what this process serves.

Neither is for clients, so neither is on the public ports.
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sentinel_bentos.model.serving import ModelServing


def build_admin_app(serving: ModelServing) -> Starlette:
    """Build the application that is mounted on the Bento's own server."""

    async def metrics(_: Request) -> Response:
        return Response(
            generate_latest(serving.metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    async def served(_: Request) -> Response:
        return JSONResponse(serving.served())

    return Starlette(routes=[Route("/metrics", metrics), Route("/served", served)])
