"""What every place that holds artifacts can do."""

from __future__ import annotations

from typing import Protocol

from sentinel_core.artifacts.contents import Limits


class ArtifactStore(Protocol):
    """A place that artifacts are read from.

    A store holds no artifact open and remembers none: each call reads what is there then.
    """

    def read(self, uri: str, limits: Limits) -> dict[str, bytes]:
        """Read every file of the artifact at a URI into memory.

        Raises
        ------
        ArtifactError
            ``ArtifactMissing``, ``ArtifactTooLarge``, ``Truncated``, ``NotAnArtifact`` or why a file
            was refused; ``StoreDenied``, ``StoreUntrusted``, ``StoreMisconfigured``,
            ``UnsupportedStore``. A retry helps only for ``StoreUnreachable``.
        """
        ...
