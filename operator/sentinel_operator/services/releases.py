"""The releases of a pipeline, as its ControllerRevisions keep them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sentinel_core.release import Compiled, Release, read_release
from sentinel_operator.builders.child import ROLE_LABEL, Child
from sentinel_operator.builders.revision import DIGEST_ANNOTATION, Role, build_revision
from sentinel_operator.services.plan import Object

CONFIRMED_ANNOTATION = "sentinel.dev/confirmed"
REFUSED_ANNOTATION = "sentinel.dev/refused"
SINCE_ANNOTATION = "sentinel.dev/since"
_LONGEST_REFUSAL = 2048


@dataclass(frozen=True, slots=True)
class Revision:
    """A release and what became of it.

    Attributes
    ----------
    number : counted from 1; the highest is the latest to have begun
    lists : rows of the lists that the release names, by digest, as canonical JSON
    since : when it took its role, as Kubernetes writes times
    confirmed : whether every ready pod has said at one time that it serves it as the stable one
    refused : reason and message of the pod that would not load it; None where none refused it
    """

    release: Release
    lists: Mapping[str, bytes]
    number: int
    role: Role
    since: str
    confirmed: bool = False
    refused: tuple[str, str] | None = None

    @property
    def digest(self) -> str:
        """Name of the release by its content."""
        return self.release.digest

    @classmethod
    def begin(cls, compiled: Compiled, number: int, since: str) -> Revision:
        """Return the revision of a release that is to take over."""
        return cls(compiled.release, compiled.blobs, number, "candidate", since)


def read_revisions(objects: Iterable[Object]) -> tuple[Revision, ...]:
    """Read the revisions of a pipeline, in the order of their numbers.

    Raises
    ------
    ReleaseError
        ``ReleaseUnreadable``: another version of the operator wrote one. Retryable: no.
    """
    found = (_read(thing) for thing in objects if not thing["metadata"].get("deletionTimestamp"))
    return tuple(sorted(found, key=lambda one: (one.number, one.digest)))


def build_revision_of(child: Child, revision: Revision) -> dict[str, Any]:
    """Build the object that keeps a revision.

    Releases and rows are kept as texts: as JSON values the API server may write a number
    otherwise, and the digest would be another.
    """
    annotations = {SINCE_ANNOTATION: revision.since}
    if revision.confirmed:
        annotations[CONFIRMED_ANNOTATION] = "true"
    if revision.refused is not None:
        reason, message = revision.refused
        annotations[REFUSED_ANNOTATION] = json.dumps([reason, message[:_LONGEST_REFUSAL]])
    return build_revision(
        child,
        digest=revision.digest,
        number=revision.number,
        role=revision.role,
        annotations=annotations,
        data={
            "release": revision.release.canonical.decode(),
            "lists": {digest: rows.decode() for digest, rows in sorted(revision.lists.items())},
        },
    )


def _read(thing: Object) -> Revision:
    metadata, data = thing["metadata"], thing["data"]
    annotations = metadata.get("annotations") or {}
    refused = annotations.get(REFUSED_ANNOTATION)
    release = read_release(data["release"])
    assert release.digest == annotations[DIGEST_ANNOTATION], f"{metadata['name']} was changed"
    return Revision(
        release=release,
        lists={digest: rows.encode() for digest, rows in (data.get("lists") or {}).items()},
        number=thing["revision"],
        role=cast("Role", metadata["labels"][ROLE_LABEL]),
        since=annotations[SINCE_ANNOTATION],
        confirmed=annotations.get(CONFIRMED_ANNOTATION) == "true",
        refused=tuple(json.loads(refused)) if refused else None,
    )
