"""Fetch an artifact by the URI that a resource gives, from wherever it lies."""

from __future__ import annotations

from pathlib import Path

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.read import DEFAULT_LIMITS, Artifact, check_contents
from sentinel_core.artifacts.stores.address import shown
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET, Budget
from sentinel_core.artifacts.stores.config import read_store_config
from sentinel_core.artifacts.stores.folder_store import FolderStore
from sentinel_core.artifacts.stores.port import ArtifactStore
from sentinel_core.artifacts.stores.web_store import WebStore


def open_store(
    uri: str,
    *,
    base: Path | None = None,
    store: Path | None = None,
    budget: Budget = DEFAULT_BUDGET,
    scratch: Path | None = None,
) -> ArtifactStore:
    """Find the store that a URI speaks of.

    Parameters
    ----------
    uri : str
        ``s3://BUCKET/KEY``, an http or https URI, a file URI or a path.
    base : Path or None
        What a relative path starts from: the folder of the manifest that names it.
    store : Path or None
        The folder with the store's settings, read anew each time, since a Secret may change.
    scratch : Path or None
        The folder for what is on its way; None takes that of the system.

    Raises
    ------
    ArtifactError
        ``StoreMisconfigured``. A retry does not help.
    """
    scheme = uri.partition("://")[0].lower()
    if scheme == "s3":
        # Signing brings 40 modules that a server with artifacts of its own disk never needs.
        from sentinel_core.artifacts.stores.s3_store import S3Store  # noqa: PLC0415

        return S3Store(read_store_config(store), budget, scratch)
    if scheme in ("http", "https"):
        return WebStore(read_store_config(store), budget, scratch)
    return FolderStore(base)


def fetch_artifact(  # noqa: PLR0913 - what it must be, and where it lies
    uri: str,
    expected_digest: str | None = None,
    public_key_pem: bytes | None = None,
    *,
    base: Path | None = None,
    store: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    budget: Budget = DEFAULT_BUDGET,
) -> Artifact:
    """Fetch an artifact and check everything that can be checked without loading it.

    Parameters
    ----------
    uri, base, store, budget
        As `open_store` takes them.
    expected_digest, public_key_pem, limits
        As `read_artifact` takes them.

    Raises
    ------
    ArtifactError
        As `ArtifactStore.read` and `check_contents` have it. A retry helps only for
        ``StoreUnreachable``.
    """
    found = open_store(uri, base=base, store=store, budget=budget)
    return check_contents(found.read(uri, limits), shown(uri), expected_digest, public_key_pem)
