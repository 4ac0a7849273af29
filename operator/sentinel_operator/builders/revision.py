"""The ControllerRevision that keeps a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sentinel_operator.builders.child import ROLE_LABEL, Child

DIGEST_ANNOTATION = "sentinel.dev/digest"
Role = Literal["stable", "candidate", "history"]


def revision_name(child: Child, digest: str) -> str:
    """Return the name of the revision that keeps a release."""
    return f"{child.name}-{digest.removeprefix('sha256:')[:10]}"


def build_revision(  # noqa: PLR0913 - by keyword; what a revision is made of
    child: Child,
    *,
    digest: str,
    number: int,
    role: Role,
    annotations: Mapping[str, str],
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """Build the revision that keeps a release. Its data can never change, all else can.

    Parameters
    ----------
    number : counted from 1 among those of the resource; a release that comes back gets a new one
    annotations : what became of the release, beside its digest
    """
    metadata = child.metadata(revision_name(child, digest))
    metadata["labels"][ROLE_LABEL] = role
    metadata["annotations"] = {DIGEST_ANNOTATION: digest, **annotations}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": number,
        "data": dict(data),
    }
