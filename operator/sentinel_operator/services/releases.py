"""The releases of a pipeline, as its ControllerRevisions keep them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast, get_args

from sentinel_core.errors import ReleaseError
from sentinel_core.release import Compiled, Release, read_release
from sentinel_operator.builders.child import ROLE_LABEL, Child
from sentinel_operator.builders.revision import Role, build_revision
from sentinel_operator.services.plan import Object
from sentinel_operator.services.status import shorten

CONFIRMED_ANNOTATION = "sentinel.dev/confirmed"
REFUSED_ANNOTATION = "sentinel.dev/refused"
SINCE_ANNOTATION = "sentinel.dev/since"
_LONGEST_REFUSAL = 2048

logger = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """A pod would not load a release.

    Attributes
    ----------
    pod : its uid; once it is gone, others may be asked
    """

    pod: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A release and what became of it.

    Attributes
    ----------
    number : counted from 1; the highest is the latest to have begun
    rows : of the lists that the release names, by digest, as canonical JSON; texts, as they are kept,
        so that reading all revisions anew each round copies none
    since : when it took its role, as Kubernetes writes times
    confirmed : whether every ready pod has said at one time that it has loaded it
    refused : by which pod, if one would not load it
    """

    release: Release
    rows: Mapping[str, str]
    number: int
    role: Role
    since: str
    confirmed: bool = False
    refused: Refusal | None = None

    @property
    def digest(self) -> str:
        """Name of the release by its content."""
        return self.release.digest

    @property
    def lists(self) -> dict[str, bytes]:
        """The rows as pods are given them."""
        return {digest: rows.encode() for digest, rows in self.rows.items()}

    @classmethod
    def begin(cls, compiled: Compiled, number: int, since: str) -> Revision:
        """Return the revision of a release that is to take over."""
        rows = {digest: rows.decode() for digest, rows in compiled.blobs.items()}
        return cls(compiled.release, rows, number, "candidate", since)


def read_revisions(objects: Iterable[Object]) -> tuple[Revision, ...]:
    """Read the revisions of a pipeline, in the order of their numbers.

    Labels and annotations that somebody took away leave a revision in the history; the release itself
    cannot be changed. One that has its place in the history and cannot be read is passed over and left
    where it is: nothing is served from it, and the version that wrote it may come back.

    Raises
    ------
    ReleaseError
        ``ReleaseUnreadable``: another version of the operator wrote one that is in use. Retryable: no.
    """
    found: list[Revision] = []
    for thing in objects:
        if thing["metadata"].get("deletionTimestamp"):
            continue
        try:
            found.append(read_revision(thing))
        except ReleaseError as error:
            if _role_of(thing) != "history":
                raise
            logger.warning("passed over in the history: %s", error.message)
    return tuple(sorted(found, key=lambda one: (one.number, one.digest)))


def read_revision(thing: Object) -> Revision:
    """Read one revision.

    Raises
    ------
    ReleaseError
        ``ReleaseUnreadable``: another version of the operator wrote it. Retryable: no.
    """
    metadata, data = thing["metadata"], thing.get("data") or {}
    annotations = metadata.get("annotations") or {}
    role = _role_of(thing)
    try:
        release = _release_of(str(data.get("release", "")))
    except ReleaseError as error:
        name = metadata["name"]
        raise ReleaseError(
            error.reason,
            f"ControllerRevision {name}: {error.message}",
            user_action="Run the version of the operator that wrote it; or have what is declared now "
            "take its place at once, untried beside it: kubectl delete controllerrevision "
            f"{name} -n {metadata['namespace']}",
        ) from error
    return Revision(
        release=release,
        rows=data.get("lists") or {},
        number=thing["revision"],
        role=cast("Role", role) if role in get_args(Role) else "history",
        since=annotations.get(SINCE_ANNOTATION, metadata["creationTimestamp"]),
        confirmed=annotations.get(CONFIRMED_ANNOTATION) == "true",
        refused=_parse_refusal(annotations.get(REFUSED_ANNOTATION)),
    )


def build_revision_of(child: Child, revision: Revision) -> dict[str, Any]:
    """Build the object that keeps a revision."""
    annotations = {SINCE_ANNOTATION: revision.since}
    if revision.confirmed:
        annotations[CONFIRMED_ANNOTATION] = "true"
    if revision.refused is not None:
        pod, reason, message = revision.refused
        said = [pod, reason, shorten(message, _LONGEST_REFUSAL)]
        annotations[REFUSED_ANNOTATION] = json.dumps(said)
    return build_revision(
        child,
        digest=revision.digest,
        number=revision.number,
        role=revision.role,
        annotations=annotations,
        data=_data(revision.release, revision.rows),
    )


def _data(release: Release, rows: Mapping[str, str]) -> dict[str, Any]:
    # Texts: of JSON values the API server might write a number otherwise, and the digest would be
    # another.
    return {"release": release.canonical.decode(), "lists": dict(sorted(rows.items()))}


def _role_of(thing: Object) -> str | None:
    """Return what the label says, whatever somebody wrote there."""
    role: str | None = (thing["metadata"].get("labels") or {}).get(ROLE_LABEL)
    return role


@lru_cache(maxsize=128)
def _release_of(text: str) -> Release:
    """Read a release; rounds come often and releases change seldom."""
    return read_release(text)


def _parse_refusal(text: str | None) -> Refusal | None:
    try:
        pod, reason, message = json.loads(text or "null")
    except (ValueError, TypeError):
        return None  # there is none, or somebody wrote something else
    return Refusal(str(pod), str(reason), str(message))
