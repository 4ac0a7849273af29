"""The OpenAPI document: what the routes do not say themselves."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from sentinel_bentos.decision.problems import ProblemDetails
from sentinel_bentos.decision.schemas import BatchRequest, FeedbackRequest
from sentinel_core.events.envelope import WireEvent

_REF = "#/components/schemas/{model}"
_CREDENTIALS = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
}
_BODIES: dict[str, Any] = {
    "WireEvent": WireEvent,
    "BatchRequest": BatchRequest,
    "FeedbackRequest": FeedbackRequest,
    "ProblemDetails": ProblemDetails,
}
"""Models that handlers read or write by themselves, so that FastAPI does not see them."""


_DEFAULTS = ("HTTPValidationError", "ValidationError")
"""What FastAPI says of a parameter that is not valid. Ours are strings, which always are, or are
refused as problems."""


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the bodies, the problem type and the credentials."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _drop_default_refusals(document)
    for name in _DEFAULTS:
        schemas.pop(name, None)
    for name, model in _BODIES.items():
        schema = TypeAdapter(model).json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = _CREDENTIALS
    return document


def _drop_default_refusals(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            refusal = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in refusal:
                del operation["responses"]["422"]
