"""The OpenAPI document as pages, served whole from here: no other host is asked for anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from sentinel_bentos.decision.policy import API_PREFIX, PolicyRoute
from sentinel_core.errors import NotFoundError

DOCUMENT_PATH = f"{API_PREFIX}/openapi.json"

_STATIC = Path(fastapi_offline.__file__).parent / "static"
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_START_SWAGGER = f"""\
SwaggerUIBundle({{
  url: "{DOCUMENT_PATH}",
  dom_id: "#page",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  // The badge would send the document's address to a validator on another host.
  validatorUrl: null,
}});
"""

# Both pages set styles from scripts and draw inline images, and ReDoc searches in a worker that it
# makes from a blob; everything else comes from here or not at all.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sentinel API</title>
<link rel="icon" href="/docs/assets/favicon.png">
{head}
</head>
<body>
{body}
</body>
</html>
"""
_SWAGGER = _PAGE.format(
    head='<link rel="stylesheet" href="/docs/assets/swagger-ui.css">',
    body='<div id="page"></div>\n'
    '<script src="/docs/assets/swagger-ui-bundle.js"></script>\n'
    '<script src="/docs/assets/start-swagger.js"></script>',
)
_REDOC = _PAGE.format(
    head="",
    body=f'<redoc spec-url="{DOCUMENT_PATH}"></redoc>\n'
    '<script src="/docs/assets/redoc.standalone.js"></script>',
)


async def swagger_page(_: Request) -> Response:
    """Return the page that can also send requests."""
    return HTMLResponse(_SWAGGER, headers=HEADERS)


async def redoc_page(_: Request) -> Response:
    """Return the page that reads better."""
    return HTMLResponse(_REDOC, headers=HEADERS)


async def asset(_: Request, name: str) -> Response:
    """Return one of the files that the pages need, by a closed list of names."""
    if name == "start-swagger.js":
        return Response(_START_SWAGGER, media_type="text/javascript")
    if name not in _ASSETS:
        raise NotFoundError("There is no such file.", user_action="See /docs.")
    return FileResponse(_STATIC / name, media_type=_ASSETS[name])


async def document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return JSONResponse(request.app.openapi())


def add_pages(app: FastAPI) -> None:
    """Add the document and its pages, none of which is part of the document."""
    pages: dict[str, Callable[..., Any]] = {
        DOCUMENT_PATH: document,
        "/openapi.json": document,
        "/docs": swagger_page,
        "/redoc": redoc_page,
        "/docs/assets/{name}": asset,
    }
    for path, handle in pages.items():
        app.router.add_api_route(
            path,
            handle,
            methods=["GET"],
            response_model=None,
            include_in_schema=False,
            route_class_override=PolicyRoute,
        )
