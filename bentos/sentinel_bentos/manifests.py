"""From a folder of manifests to the folder that a server on this machine reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.release import Compiled, write_projection


@dataclass(frozen=True, slots=True)
class StateFolders:
    """Where a server on this machine keeps what it needs."""

    state: Path

    @property
    def releases(self) -> Path:
        """The folder that the server watches."""
        return self.state / "releases"

    @property
    def artifacts(self) -> Path:
        """The artifacts, by digest; the engine looks here before it fetches one."""
        return self.state / "artifacts"

    @property
    def bentoml_home(self) -> Path:
        """BentoML's store of built Bentos."""
        return self.state / "bentoml"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.state / "serve.log"


def project(compiled: Compiled, path: Path, folders: StateFolders) -> None:
    """Give a release to the server, once all that it names is there.

    Raises
    ------
    ArtifactError
        An artifact is refused; the server keeps what it has. Retryable: no.
    """
    base = path if path.is_dir() else path.parent
    for model in compiled.release.models:
        key = model.public_key.encode() if model.public_key else None
        keep_artifact(
            model.uri, model.digest, folders.artifacts, public_key_pem=key, base=base.absolute()
        )
    write_projection(folders.releases, compiled.release, blobs=compiled.blobs)
