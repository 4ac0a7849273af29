"""Find an artifact by the URI that a resource gives."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sentinel_core.artifacts.refusal import refuse

_REMOTE = ("s3", "http", "https")


def resolve_uri(uri: str, base: Path | None = None) -> Path:
    """Turn a URI into a path on this machine.

    Parameters
    ----------
    uri : str
        ``file:///models/card-fraud``, or a plain path.
    base : Path or None
        What a relative path starts from: the folder of the manifest that names it.

    Raises
    ------
    ArtifactError
        ``UnsupportedStore``. A retry does not help.

    Examples
    --------
    >>> resolve_uri("file:///models/card%20fraud").as_posix()
    '/models/card fraud'
    """
    parts = urlsplit(uri)
    if parts.scheme in _REMOTE:
        raise refuse(
            "UnsupportedStore",
            f"{uri[:128]} is in an object store, which is read in a cluster only.",
            "Copy the artifact to a folder and name that.",
        )
    path = Path(uri) if parts.scheme == "" else _file_path(uri)
    return path if base is None else base / path


def _file_path(uri: str) -> Path:
    parts = urlsplit(uri)
    here = parts.scheme == "file" and parts.netloc in ("", "localhost")
    if not here or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise _not_a_path(uri)
    return Path(unquote(parts.path))


def _not_a_path(uri: str) -> Exception:
    return refuse(
        "UnsupportedStore",
        f"{uri[:128]} is not a path on this machine.",
        "Give a path, or file:// and an absolute path.",
    )
