"""Artifacts on this machine: a folder or a tar, by a path or a file URI."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from sentinel_core.artifacts.contents import Limits, read_contents
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.address import shown
from sentinel_core.errors import ArtifactError


class FolderStore:
    """What lies on the disks of this machine.

    Parameters
    ----------
    base : Path or None
        What a relative path starts from: the folder of the manifest that names it.
    """

    def __init__(self, base: Path | None = None) -> None:
        self._base = base

    def read(self, uri: str, limits: Limits) -> dict[str, bytes]:
        """Read the files in place, as `ArtifactStore` has it."""
        return read_contents(resolve_uri(uri, self._base), limits)


def resolve_uri(uri: str, base: Path | None = None) -> Path:
    """Turn a URI into a path on this machine.

    Parameters
    ----------
    uri : str
        ``file:///models/card-fraud``, or a plain path.
    base : Path or None
        What a relative path starts from.

    Raises
    ------
    ArtifactError
        ``UnsupportedStore``. A retry does not help.

    Examples
    --------
    >>> resolve_uri("file:///models/card%20fraud").as_posix()
    '/models/card fraud'
    """
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that are no address
        raise _not_a_path(uri) from None
    path = _file_path(uri, parts) if parts.scheme else Path(uri)
    return path if base is None else base / path


def _file_path(uri: str, parts: SplitResult) -> Path:
    here = parts.scheme == "file" and parts.netloc in ("", "localhost")
    if not here or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise _not_a_path(uri)
    return Path(unquote(parts.path))


def _not_a_path(uri: str) -> ArtifactError:
    return refuse(
        "UnsupportedStore",
        f"{shown(uri)} is neither a path on this machine nor in a store that can be read.",
        "Give a path, file:// and an absolute path, s3://BUCKET/KEY or an https URI.",
    )
