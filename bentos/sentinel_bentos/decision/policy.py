"""Which roles may use which route. A route that is not in the table is refused to everybody."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from sentinel_bentos.decision.auth import Caller, Callers, Role
from sentinel_core.errors import ForbiddenError

API_PREFIX = "/api/v1"

Policy = frozenset[Role] | None
"""Roles that may call; None needs no credential at all."""

PUBLIC: Policy = None
NOBODY: Policy = frozenset()
READERS: Policy = frozenset({"viewer", "analyst", "lead", "admin", "service"})
SCORERS: Policy = frozenset({"service", "admin"})
ANALYSTS: Policy = frozenset({"analyst", "lead", "admin"})
REPORTERS: Policy = frozenset({"analyst", "lead", "admin", "service"})

POLICIES: dict[tuple[str, str], Policy] = {
    ("POST", "/score"): SCORERS,
    ("POST", "/score/batch"): SCORERS,
    ("GET", "/decisions/{decision_id}"): READERS,
    ("POST", "/decisions/{decision_id}/replay"): ANALYSTS,
    ("POST", "/transactions/{event_id}/feedback"): REPORTERS,
    ("GET", "/health"): PUBLIC,
    ("GET", "/ready"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/redoc"): PUBLIC,
    ("GET", "/docs/assets/{name}"): PUBLIC,
}
"""By method and path without the prefix: the seeds' root paths are the same routes."""


class PolicyRoute(APIRoute):
    """A route that lets a request in only as its policy says."""

    @property
    def short_path(self) -> str:
        """The path without the prefix, which a route and its alias share."""
        return self.path_format.removeprefix(API_PREFIX)

    @property
    def policy(self) -> Policy:
        """The roles that may call this route; nobody where the table does not have it."""
        (method,) = self.methods or ("",)
        return POLICIES.get((method, self.short_path), NOBODY)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the policy in front of the handler."""
        handle = super().get_route_handler()
        policy = self.policy

        async def handle_if_allowed(request: Request) -> Response:
            if policy is not None:
                request.state.caller = admit(request.app.state.callers, request.headers, policy)
            return await handle(request)

        return handle_if_allowed


def caller_of(request: Request) -> Caller:
    """Return who sent a request that its policy let in."""
    caller: Caller = request.state.caller
    return caller


def admit(callers: Callers, headers: Mapping[str, str], policy: frozenset[Role]) -> Caller:
    """Return who calls, if the policy lets them in.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        As `Callers.identify` has it; the role may not do this. Retryable: no.
    """
    caller = callers.identify(headers)
    if caller.role not in policy:
        allowed = ", ".join(sorted(policy)) or "nobody"
        raise ForbiddenError(
            f"The role {caller.role} may not do this.",
            user_action=f"Use a key of one of these roles: {allowed}.",
        )
    return caller
