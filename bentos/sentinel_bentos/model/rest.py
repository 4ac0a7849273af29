"""The Open Inference Protocol over HTTP, as a bare ASGI application.

No framework: routing, validation and documents of one cost more than the scoring of a row.
"""

from __future__ import annotations

import json
import logging
from time import perf_counter_ns
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from sentinel_bentos.http_errors import MethodNotAllowedError, UnsupportedMediaTypeError
from sentinel_bentos.model.description import describe_model, describe_server
from sentinel_bentos.model.outputs import refuse_request
from sentinel_bentos.model.rest_bodies import SMALL_JSON_BYTES, parse_infer, write_answer
from sentinel_bentos.model.scoring import Scoring
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.statuses import status_of, text_of
from sentinel_bentos.model.versions import Versions
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import NotFoundError, SentinelError, TooLargeError
from sentinel_core.telemetry import Operation

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Gives 10,000 rows of 30 features as JSON with 12 characters a value, or 35,000 as bytes. gRPC has
the same by default."""

_log = logging.getLogger("sentinel.rest")

_READY = "/v2/health/ready"
Header = tuple[bytes, bytes]
_JSON: Header = (b"content-type", b"application/json")
_BYTES: Header = (b"content-type", b"application/octet-stream")
_JSON_LENGTH = b"inference-header-content-length"


class _Route(NamedTuple):
    """What a path asks for; with the answer where it is always the same."""

    operation: Operation
    model: LoadedModel | None = None
    answer: bytes = b""


class _Answer(NamedTuple):
    status: int
    body: bytes
    headers: tuple[Header, ...] = (_JSON,)


class _GoneError(Exception):
    """The client went away in the middle of its request."""


class RestApp:
    """Answers the protocol's paths over what is served."""

    def __init__(self, serving: ModelServing, scoring: Scoring) -> None:
        self._serving = serving
        self._scoring = scoring
        self._counts = serving.metrics.requests.http
        self._routed: Versions | None = None
        self._routes: dict[str, _Route] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started_ns = perf_counter_ns()
        route = self._find_route(scope["path"])
        try:
            answer = await self._answer(route, scope, receive)
        except _GoneError:
            return
        length = (b"content-length", str(len(answer.body)).encode())
        head = {"status": answer.status, "headers": [*answer.headers, length]}
        await send({"type": "http.response.start", **head})
        await send({"type": "http.response.body", "body": answer.body})
        operation = "none" if route is None else route.operation
        self._counts.count(operation, str(answer.status), started_ns)

    async def _answer(self, route: _Route | None, scope: Scope, receive: Receive) -> _Answer:
        try:
            return await self._dispatch(route, scope, receive)
        except SentinelError as error:
            return _refuse(error)
        except _GoneError:
            raise
        except Exception:  # noqa: BLE001 - logged, and answered in the protocol's form
            _log.exception("A request could not be answered.")
            return _Answer(500, _error("The server met an error that it did not expect."))

    async def _dispatch(self, route: _Route | None, scope: Scope, receive: Receive) -> _Answer:
        if route is None:
            raise self._not_found(scope["path"])
        method = "POST" if route.operation == "infer" else "GET"
        if scope["method"] != method:
            raise MethodNotAllowedError(
                f"{scope['method'][:16]} is not allowed here.", user_action=f"Use {method}."
            )
        if route.model is None:
            return _Answer(200, route.answer)
        return await self._infer(route.model, scope["headers"], receive)

    async def _infer(self, model: LoadedModel, headers: list[Header], receive: Receive) -> _Answer:
        json_bytes = _check_headers(headers)
        body = await _read_body(receive)
        if json_bytes is not None and json_bytes > len(body):
            raise refuse_request(
                "Inference-Header-Content-Length",
                f"the body has {len(body)} bytes, not {json_bytes} and more",
                "Send the length of the JSON that the body begins with.",
            )
        if (len(body) if json_bytes is None else json_bytes) <= SMALL_JSON_BYTES:
            request = parse_infer(body, json_bytes, model)
        else:
            request = await self._scoring.run(parse_infer, body, json_bytes, model)
        outputs = await self._scoring.score(model, request.rows, request.wanted)
        self._counts.rows += len(request.rows)
        name = self._serving.versions.name
        answer, length = write_answer(name, model.digest, request, outputs)
        if length is None:
            return _Answer(200, answer)
        return _Answer(200, answer, (_BYTES, (_JSON_LENGTH, str(length).encode())))

    def _find_route(self, path: str) -> _Route | None:
        versions = self._serving.versions
        if versions is not self._routed:
            self._routes, self._routed = _build_routes(versions), versions
        return self._routes.get(path)

    def _not_found(self, path: str) -> SentinelError:
        """Say what is not there: the model, its version, or the path."""
        if path == _READY:
            path = f"/v2/models/{self._serving.versions.name}"
        parts = path.split("/")
        if parts[:3] == ["", "v2", "models"] and len(parts) > 3:
            version = parts[5] if parts[4:5] == ["versions"] and len(parts) > 5 else ""
            try:
                self._serving.versions.find(parts[3], version)
            except SentinelError as error:
                return error
        return NotFoundError(
            "There is no such path.",
            user_action="See the Open Inference Protocol for those there are.",
        )


def _build_routes(versions: Versions) -> dict[str, _Route]:
    """Return every path that exists for what is loaded, so that a request costs one look-up."""
    server = _Route("metadata", answer=json.dumps(describe_server()).encode())
    routes = {
        "/v2": server,
        "/v2/": server,
        "/v2/health/live": _Route("health", answer=b'{"live": true}'),
    }
    named = {f"/versions/{digest}": model for digest, model in versions.by_digest.items()}
    if versions.default is not None:
        named[""] = versions.default
        routes[_READY] = _Route("health", answer=b'{"ready": true}')
    for version, model in named.items():
        base = f"/v2/models/{versions.name}{version}"
        metadata = json.dumps(describe_model(model, versions)).encode()
        is_ready = json.dumps({"name": versions.name, "ready": True}).encode()
        routes[base] = _Route("metadata", answer=metadata)
        routes[f"{base}/ready"] = _Route("health", answer=is_ready)
        routes[f"{base}/infer"] = _Route("infer", model)
    return routes


def _check_headers(headers: list[Header]) -> int | None:
    """Refuse a body that is not taken, before it is read; return how much of it is JSON, if not all."""
    json_bytes = None
    for name, value in headers:
        if name == b"content-length":
            if int(value) > MAX_BODY_BYTES:  # the server takes digits only
                raise _too_large()
        elif name == _JSON_LENGTH:
            if not value.isdigit():
                raise refuse_request(
                    "Inference-Header-Content-Length", "it is no length", "Send a number of bytes."
                )
            json_bytes = int(value[:20])
        elif name == b"content-encoding" and value != b"identity":
            raise UnsupportedMediaTypeError(
                f"The encoding {value[:16].decode('latin-1')!r} is not taken.",
                user_action="Send the body as it is.",
            )
    return json_bytes


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return body


def _too_large() -> TooLargeError:
    return TooLargeError(
        f"The body has more than {MAX_BODY_BYTES} bytes.",
        user_action="Send fewer rows at once, or as bytes instead of JSON.",
    )


def _refuse(error: SentinelError) -> _Answer:
    # Never with Connection: close: a client that still sends its body would have the connection reset
    # before it reads the answer. The server passes over what is left of the body.
    return _Answer(status_of(error).http, _error(text_of(error)))


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()
