"""What the operator may do, and what it was seen to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sentinel_operator.kube.kinds import LEASE, WATCHED
from tests.support.audit_log import Write

READS = ("get", "list", "watch")


class Right(NamedTuple):
    """One thing that one may do.

    Attributes
    ----------
    resource : with its subresource, such as ``deployments/scale``
    """

    group: str
    resource: str
    verb: str


def granted(rules: Iterable[dict[str, Any]]) -> set[Right]:
    """Return the rights that rules of a Role or ClusterRole give."""
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(writes: Iterable[Write]) -> set[Right]:
    """Return the rights without which these calls would have been refused."""
    found = set()
    for write in writes:
        resource = f"{write.resource}/{write.subresource}".rstrip("/")
        if write.code < 400:
            found.add(Right(write.group, resource, write.verb))
        if (write.verb, write.code) == ("patch", 201):
            # An apply that makes the object needs the right to create it as well.
            found.add(Right(write.group, resource, "create"))
    return found


def reads() -> set[Right]:
    """Return the rights to read that its watches and look-ups need: no audit log tells of them."""
    return {Right(kind.group, kind.plural, verb) for kind in (*WATCHED, LEASE) for verb in READS}
