"""The objects of a resource against those that are there: whose they are, and which must go."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Name, Object, Observed

_KEPT = frozenset({"Job", "ControllerRevision"})
"""Kinds whose objects are kept for a while after they are no longer wanted; see those who make them."""


def is_ours(thing: Object, uid: str) -> bool:
    """Tell whether an object is controlled by the resource with a uid."""
    owners = thing["metadata"].get("ownerReferences") or ()
    return any(one.get("controller") and one["uid"] == uid for one in owners)


def take_free_names(
    observed: Observed, wanted: Sequence[Object], existing: Sequence[Object]
) -> tuple[tuple[Object, ...], Fault | None]:
    """Return the objects whose names nobody else has, and the fault where somebody has one.

    Parameters
    ----------
    existing : objects that are there and not among the children, such as revisions
    """
    uid, resource = _identity(observed)
    there = {(one["kind"], one["metadata"]["name"]): one for one in existing}
    there |= observed.children
    taken = sorted(
        name for name in map(name_of, wanted) if name in there and not is_ours(there[name], uid)
    )
    free = tuple(one for one in wanted if name_of(one) not in taken)
    if not taken:
        return free, None
    kind, name = taken[0]
    return free, find_fault(
        "NameTaken", f"{kind} {name} exists and is not controlled by this resource", resource
    )


def find_unwanted(observed: Observed, wanted: Sequence[Object]) -> tuple[Name, ...]:
    """Return the children of ours that should not be there, but for those that are kept a while."""
    uid, _ = _identity(observed)
    names = {name_of(one) for one in wanted}
    return tuple(
        sorted(
            name
            for name, thing in observed.children.items()
            if name not in names and name[0] not in _KEPT and is_ours(thing, uid)
        )
    )


def find_refused(observed: Observed) -> Fault | None:
    """Return the fault that the API server's refusal of a change is, if it refused one."""
    if not observed.refused:
        return None
    _, resource = _identity(observed)
    (kind, name), words = min(observed.refused.items())
    reason, action = "ChildRefused", ""
    if "failed calling webhook" in words:
        action = (
            "Bring back the webhook that the message names; who made it is in kubectl get "
            "mutatingwebhookconfigurations,validatingwebhookconfigurations --output=yaml."
        )
    elif "exceeded quota" in words:
        reason = "QuotaExceeded"
    elif "is forbidden: User" in words:
        reason = "PermissionDenied"
    return find_fault(reason, f"{kind} {name}: {words}", resource, action)


def name_of(thing: Object) -> Name:
    """Return an object's kind and name."""
    return thing["kind"], thing["metadata"]["name"]


def _identity(observed: Observed) -> tuple[str, str]:
    metadata = observed.resource["metadata"]
    return metadata["uid"], metadata["name"]
