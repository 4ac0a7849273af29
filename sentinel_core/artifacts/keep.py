"""Artifacts kept by digest: as long as a decision names one, it can be loaded again."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.fetch import open_store
from sentinel_core.artifacts.folder import replace_folder, write_folder
from sentinel_core.artifacts.read import (
    DEFAULT_LIMITS,
    Artifact,
    check_contents,
    read_artifact,
)
from sentinel_core.artifacts.stores.address import shown
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET, Budget
from sentinel_core.errors import ArtifactError

_log = logging.getLogger(__name__)


def keep_artifact(  # noqa: PLR0913 - where it lies, what it must be, where it is kept
    uri: str,
    digest: str,
    folder: Path,
    *,
    public_key_pem: bytes | None = None,
    base: Path | None = None,
    store: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    budget: Budget = DEFAULT_BUDGET,
) -> Artifact:
    """Read an artifact from a folder of kept ones, or fetch it, check it and keep it there.

    Several may keep the same artifact at once, also in other processes: one of them writes it, all
    have it in memory. A kept one that is refused is fetched again, once: it may have been damaged on
    this disk, or signed anew in its store, which the digest does not tell.

    Parameters
    ----------
    uri, base, store, budget
        Where it lies and how it is fetched, as `fetch.open_store` takes them.
    digest : str
        What it must be, ``sha256:`` and 64 hexadecimal digits.
    folder : Path
        Holds one folder per artifact, named by the hexadecimal digits of its digest.

    Raises
    ------
    ArtifactError
        As `fetch.fetch_artifact` has it; nothing is kept of a refused artifact, and one that is kept
        stays. A retry helps only for ``StoreUnreachable``.
    OSError
        The folder cannot be written.
    """
    kept = folder / digest.removeprefix("sha256:")
    put = write_folder
    if kept.is_dir():
        put = replace_folder
        try:
            return read_artifact(kept, digest, public_key_pem, limits)
        except ArtifactError as error:
            _log.warning("A kept artifact is refused, and fetched again: %s", error)
    folder.mkdir(parents=True, exist_ok=True)
    found = open_store(uri, base=base, store=store, budget=budget, scratch=folder)
    contents = found.read(uri, limits)
    artifact = check_contents(contents, shown(uri), digest, public_key_pem)
    with suppress(FileExistsError):  # another has kept the same one in the meantime
        put(kept, contents)
    return artifact
