"""What the pods of a model server are told to serve: one artifact by default, others by digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentinel_core.ids import canonical_json
from sentinel_core.release import Release, ReleaseModel
from sentinel_core.resources.server import MAX_OTHER_ARTIFACTS
from sentinel_operator.builders.child import ROLE_LABEL
from sentinel_operator.builders.revision import DIGEST_ANNOTATION
from sentinel_operator.services.artifact import ArtifactState
from sentinel_operator.services.children import is_ours
from sentinel_operator.services.plan import Object, Observed
from sentinel_operator.services.releases import read_revision

FILE = "artifacts.json"


@dataclass(frozen=True, slots=True)
class Assigned:
    """One artifact: where it lies, and what it must be."""

    uri: str
    digest: str
    public_key: str | None
    store: str | None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "uri": self.uri,
            "digest": self.digest,
            "publicKey": self.public_key,
            "store": self.store,
        }


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is served; nothing before an artifact is proven.

    Attributes
    ----------
    left_out : digests that releases call and no pod is told of, since a server takes no more
    """

    default: Assigned | None
    others: tuple[Assigned, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def digest(self) -> str | None:
        """Digest of the default artifact."""
        return self.default.digest if self.default else None

    @property
    def stores(self) -> set[str]:
        """Names of the Secrets that say how to reach the artifacts."""
        given = (*self.others, *((self.default,) if self.default else ()))
        return {one.store for one in given if one.store is not None}

    def data(self) -> dict[str, str]:
        """Return the data of the ConfigMap that tells pods."""
        if self.default is None:
            return {}
        plain = {"default": self.default.plain(), "others": [one.plain() for one in self.others]}
        return {FILE: canonical_json(plain).decode()}


def assign(resource: str, artifact: ArtifactState, observed: Observed) -> Assignment:
    """Decide what the pods of a model are to serve.

    Others are the artifacts that a release of the namespace calls here: a stable one, a candidate, or
    one that pods still decide with, for they take up the next one a moment after it took over. Where
    they are more than a server takes, those that nothing is decided with yet are left out first.

    Raises
    ------
    ReleaseError
        ``ReleaseUnreadable``: another version of the operator wrote a release that is in use.
        Retryable: no.
    """
    proven = artifact.proven
    if proven is None:
        return Assignment(None)
    default = Assigned(proven.uri, proven.digest, artifact.public_key, proven.store)
    others: dict[str, Assigned] = {}
    for one in _called(resource, observed):
        if one.digest != default.digest:
            others.setdefault(one.digest, Assigned(one.uri, one.digest, one.public_key, one.store))
    assigned = tuple(others.values())[:MAX_OTHER_ARTIFACTS]
    return Assignment(default, assigned, tuple(others)[MAX_OTHER_ARTIFACTS:])


def _called(resource: str, observed: Observed) -> Iterator[ReleaseModel]:
    """Yield what releases call at the model's server: first of those that something is decided with."""
    deciding, coming = _releases_in_use(observed)
    for release in (*deciding, *coming):
        for one in release.models:
            if one.placement == "Remote" and one.model == resource:
                yield one


def _releases_in_use(observed: Observed) -> tuple[list[Release], list[Release]]:
    """Return the releases that pods decide with, or may at once, and those that are to be served."""
    deciding, coming = [], []
    for name in sorted(observed.pipelines):
        pipeline = observed.pipelines[name]
        uid = pipeline["metadata"]["uid"]
        served = {one["digest"] for one in (pipeline.get("status") or {}).get("served") or ()}
        objects = observed.pipeline_revisions.get(name, ())
        for thing in objects:
            if not is_ours(thing, uid) or not _may_be_in_use(thing, served):
                continue
            revision = read_revision(thing)
            if revision.role == "stable" or revision.digest in served:
                deciding.append(revision.release)
            elif revision.role == "candidate":
                coming.append(revision.release)
    return deciding, coming


def _may_be_in_use(thing: Object, served: set[str]) -> bool:
    """Tell from what is written on a revision; one that is past need not be readable."""
    metadata = thing["metadata"]
    if metadata.get("deletionTimestamp"):
        return False
    digest = (metadata.get("annotations") or {}).get(DIGEST_ANNOTATION)
    is_past = (metadata.get("labels") or {}).get(ROLE_LABEL) == "history"
    return not is_past or digest is None or digest in served
