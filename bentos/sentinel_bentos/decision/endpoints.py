"""How a route is declared: once, for the canonical path, its alias and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from sentinel_bentos.decision import problems
from sentinel_bentos.decision.policy import API_PREFIX, POLICIES, PUBLIC, PolicyRoute
from sentinel_bentos.http_errors import UnsupportedMediaTypeError
from sentinel_core.errors import (
    ForbiddenError,
    InvalidRequestError,
    SentinelError,
    TooLargeError,
    UnauthenticatedError,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route.

    Attributes
    ----------
    path : without the prefix; ``{name:path}`` takes slashes too
    handle : the coroutine; its docstring is the description in the document
    answer : model of the answer
    refusals : errors it may answer with, beyond those of its policy and its body
    body : name of the body's schema in the document, where it takes one
    """

    method: str
    path: str
    handle: Callable[..., Any]
    tag: str
    answer: type[BaseModel]
    refusals: tuple[type[SentinelError], ...] = ()
    body: str | None = None

    @property
    def policy_key(self) -> tuple[str, str]:
        """Where its policy stands."""
        return self.method, self.path.replace(":path}", "}")


def add_endpoints(app: FastAPI, endpoints: Iterable[Endpoint]) -> None:
    """Add routes under the prefix, and their aliases at the root outside the document.

    The reference systems that clients migrate from have the same routes at the root.
    """
    for endpoint in endpoints:
        _add(app, endpoint, API_PREFIX, documented=True)
        _add(app, endpoint, "", documented=False)


def _add(app: FastAPI, endpoint: Endpoint, prefix: str, *, documented: bool) -> None:
    name = endpoint.handle.__name__
    app.router.add_api_route(
        prefix + endpoint.path,
        endpoint.handle,
        methods=[endpoint.method],
        name=name,
        operation_id=name,
        tags=[endpoint.tag],
        response_model=None,
        responses=_responses(endpoint),
        openapi_extra=_extra(endpoint),
        include_in_schema=documented,
        route_class_override=PolicyRoute,
    )


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    refusals = list(endpoint.refusals)
    if POLICIES.get(endpoint.policy_key) is not PUBLIC:
        refusals += [UnauthenticatedError, ForbiddenError]
    if endpoint.body is not None:
        refusals += [TooLargeError, UnsupportedMediaTypeError, InvalidRequestError]
    titles: dict[int, list[str]] = {}
    for refusal in refusals:
        status, _, title = problems.ANSWERS[refusal]
        if title not in titles.setdefault(status, []):
            titles[status].append(title)
    schema = {"$ref": f"#/components/schemas/{problems.ProblemDetails.__name__}"}
    answered: dict[int | str, dict[str, Any]] = {
        status: {
            "description": "; ".join(words),
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        for status, words in sorted(titles.items())
    }
    return {200: {"model": endpoint.answer, "description": "Done."}} | answered


def _extra(endpoint: Endpoint) -> dict[str, Any]:
    """Document the body and the credential, which handlers read by themselves."""
    extra: dict[str, Any] = {}
    if endpoint.body is not None:
        schema = {"$ref": f"#/components/schemas/{endpoint.body}"}
        content = {"application/json": {"schema": schema}}
        extra["requestBody"] = {"required": True, "content": content}
    if POLICIES.get(endpoint.policy_key) is not PUBLIC:
        extra["security"] = [{"apiKey": []}, {"bearer": []}]
    return extra
