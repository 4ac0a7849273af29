"""Artifacts kept by digest: as long as a decision names one, it can be loaded again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sentinel_core.artifacts.contents import Limits, read_contents
from sentinel_core.artifacts.fetch import resolve_uri
from sentinel_core.artifacts.read import DEFAULT_LIMITS, Artifact, read_artifact


def keep_artifact(  # noqa: PLR0913 - where it lies, what it must be, where it is kept
    uri: str,
    digest: str,
    folder: Path,
    *,
    public_key_pem: bytes | None = None,
    base: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Artifact:
    """Read an artifact from a folder of kept ones, or fetch it, check it and keep it there.

    Parameters
    ----------
    uri, base
        Where it lies, and what a relative path starts from.
    folder : Path
        Holds one folder per artifact, named by the hexadecimal digits of its digest.

    Raises
    ------
    ArtifactError
        As `read_artifact` has it; nothing is kept of a refused artifact.
    """
    kept = folder / digest.removeprefix("sha256:")
    if kept.is_dir():
        return read_artifact(kept, digest, public_key_pem, limits)
    contents = read_contents(resolve_uri(uri, base), limits)
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder))
    try:
        for name, data in contents.items():
            path = partial / "artifact" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        artifact = read_artifact(partial / "artifact", digest, public_key_pem, limits)
        (partial / "artifact").rename(kept)
    finally:
        shutil.rmtree(partial)
    return artifact
