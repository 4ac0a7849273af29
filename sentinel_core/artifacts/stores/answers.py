"""What the answers of stores mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sentinel_core.artifacts.refusal import RefusalReason, refuse
from sentinel_core.artifacts.stores.exchange import Answer
from sentinel_core.errors import ArtifactError

OK: Final = 200

_REASONS: Mapping[int, RefusalReason] = {
    401: "StoreDenied",
    403: "StoreDenied",
    407: "StoreDenied",
    404: "ArtifactMissing",
    410: "ArtifactMissing",
    408: "StoreUnreachable",
    425: "StoreUnreachable",
    429: "StoreUnreachable",
}
"""Statuses of RFC 9110 (and 425 of RFC 8470, 429 of RFC 6585) that say more than their class."""

_CODES: Mapping[str, RefusalReason] = {"XAdminUserNotFound": "StoreDenied"}
"""Codes that say more than their status: versitygw answers an unknown key id with 404."""

_SAID: Mapping[RefusalReason, tuple[str, str]] = {
    "ArtifactMissing": (
        "There is nothing at {shown}",
        "Check bucket and name in the URI, and that the artifact was uploaded.",
    ),
    "StoreDenied": (
        "The store denies access to {shown}",
        (
            "Give the store keys that may read it. A store whose keys may not list answers so, "
            "too, where there is nothing."
        ),
    ),
    "StoreUnreachable": (
        "The store of {shown} has no time or is broken",
        "Try again; when it stays so, look at the store.",
    ),
    "StoreMisconfigured": (
        "The store of {shown} does not take the request",
        (
            "Check endpoint and region of the store. Redirects are not followed: name the address "
            "that serves the artifact."
        ),
    ),
}


def refused_by(answer: Answer, shown: str) -> ArtifactError:
    """Build the error for an answer that is not the one hoped for."""
    code = answer.fault_code()
    by_class: RefusalReason = "StoreUnreachable" if answer.status >= 500 else "StoreMisconfigured"
    reason = _CODES.get(code) or _REASONS.get(answer.status, by_class)
    message, user_action = _SAID[reason]
    said = f"{answer.status} {code}".rstrip()
    return refuse(reason, f"{message.format(shown=shown)} (it answers {said}).", user_action)
