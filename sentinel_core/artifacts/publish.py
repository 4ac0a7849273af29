"""Upload an artifact to an S3 store, under a name that holds it for ever."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sentinel_core.artifacts.contents import Limits, read_contents
from sentinel_core.artifacts.read import DEFAULT_LIMITS, check_contents
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET, Budget
from sentinel_core.artifacts.stores.config import read_store_config
from sentinel_core.artifacts.stores.s3_store import S3Store
from sentinel_core.artifacts.write import pack_files

_DIGEST_CHARACTERS = 12
"""Of the digest in the name: 48 bits, which the artifacts of one model never share by chance."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where an artifact lies now, and what it is."""

    uri: str
    digest: str


def publish_artifact(
    path: Path,
    prefix: str,
    store: Path | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    budget: Budget = DEFAULT_BUDGET,
) -> Published:
    """Pack an artifact as a tar, upload it where nothing is yet, and read it back.

    Uploading the same artifact again changes nothing. The store must honour ``If-None-Match``, by
    which two uploads at once cannot overwrite each other; Amazon S3 does since August 2024.

    Parameters
    ----------
    path : Path
        Folder or tar of the artifact.
    prefix : str
        ``s3://BUCKET`` or ``s3://BUCKET/FOLDER``; the name in it is made of the model's name and
        the digest.
    store : Path or None
        The folder with the store's settings.

    Raises
    ------
    ArtifactError
        As `read_artifact` and `S3Store` have it; ``ArtifactConflict``: what the store holds under
        the name is not this artifact. A retry helps only for ``StoreUnreachable``.
    """
    contents = read_contents(path, limits)
    artifact = check_contents(contents, str(path))
    digits = artifact.digest.removeprefix("sha256:")[:_DIGEST_CHARACTERS]
    uri = f"{prefix.rstrip('/')}/{artifact.manifest.name}-{digits}.tar"
    place = S3Store(read_store_config(store), budget)
    place.create(uri, pack_files(contents))
    if place.read(uri, limits) != contents:
        raise refuse(
            "ArtifactConflict",
            f"{uri} holds another artifact, or this one with another signature.",
            "Give the model a new version and build it again; what was uploaded never changes.",
        )
    return Published(uri, artifact.digest)
