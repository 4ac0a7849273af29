"""What a model server serves, and how it takes up other artifacts.

Nothing that is wrong with an artifact or its store ends the process: it says what is wrong, goes on
with what it has, and tries again what may succeed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from sentinel_bentos.model.assignment import AssignedArtifact, Assignment, read_assignment
from sentinel_bentos.model.settings import Settings
from sentinel_bentos.model.versions import Versions
from sentinel_bentos.watch import follow
from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.stores.config import store_folder
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.errors import SentinelError
from sentinel_core.telemetry import ModelServerMetrics

ARTIFACTS = "artifacts"
"""Folder of the kept artifacts in the state's."""

_log = logging.getLogger("sentinel.serving")


class _Held(NamedTuple):
    """A loaded model, and the key that its signature was verified with."""

    model: LoadedModel
    public_key: str | None


class ModelServing:
    """Holds the loaded versions of this process and keeps them on the artifacts it is given.

    Used from one event loop; artifacts are fetched and loaded on a thread.

    Attributes
    ----------
    versions : what can be asked for now
    loaded : set once the first default version is there
    """

    def __init__(self, metrics: ModelServerMetrics) -> None:
        self.metrics = metrics
        self.versions = Versions("")
        self.loaded = asyncio.Event()
        self._held: dict[str, _Held] = {}
        self._refusal: Refusal | None = None
        self._refused_others: dict[str, Refusal] = {}

    @property
    def ready(self) -> bool:
        """Whether rows can be scored."""
        return self.versions.default is not None

    def served(self) -> dict[str, Any]:
        """Say what is served, and what was refused: the answer of ``GET /served``.

        ``state``, ``reason`` and ``message`` speak of the default version; ``refused_others`` holds
        the digests of versions that are assigned beside it and could not be loaded, and why.
        """
        default = self.versions.default
        stable, state = (default.digest, "Ready") if default else (None, "Starting")
        served = Served(stable, None, 0, state).without(self._refusal)  # type: ignore[arg-type]  # one of its words
        return asdict(served) | {
            "loaded": list(self.versions.by_digest),
            "refused_others": {
                digest: {"reason": refusal.reason, "message": str(refusal.error)}
                for digest, refusal in self._refused_others.items()
            },
        }

    def refuse(self, refusal: Refusal) -> None:
        """Say that the default version cannot be served, and why."""
        self._refusal = refusal
        self._tell(refusal)

    async def run(self, settings: Settings) -> None:
        """Load what is assigned, then take up every change, until cancelled.

        After a fault it may be run again, and goes on with what it has.
        """
        self.versions = replace(self.versions, name=settings.model_name)

        async def take_up() -> bool:
            return await self._take_up(settings)

        await follow(settings, take_up)

    async def _take_up(self, settings: Settings) -> bool:
        """Serve what is assigned, or say why not; return whether the same may succeed later."""
        try:
            assignment = await asyncio.to_thread(read_assignment, settings.release_dir)
        except SentinelError as error:
            self.refuse(Refusal.of(error))
            return error.retryable
        refusal = await self._take_up_default(assignment, settings)
        others = await self._take_up_others(assignment, settings)
        refused = [one for one in (refusal, *others.values()) if one is not None]
        self._drop_others(assignment, refused)
        await asyncio.to_thread(_remove_kept, settings.state_dir / ARTIFACTS, set(self._held))
        return any(one.retries for one in refused)

    async def _take_up_default(self, assignment: Assignment, settings: Settings) -> Refusal | None:
        """Put the default version in its place as soon as it is loaded; the old one stays till then."""
        self._publish(coming=[assignment.default.digest, *assignment.others_by_digest])
        refusal = await self._hold(assignment.default, settings)
        if refusal is not None:
            self.refuse(refusal)
            return refusal
        self._publish(default=assignment.default.digest, coming=assignment.others_by_digest)
        self._refusal = None
        if not self.loaded.is_set():
            # What was loaded stays; without this every full collection would walk it.
            gc.collect()
            gc.freeze()
            self.loaded.set()
        return None

    async def _take_up_others(
        self, assignment: Assignment, settings: Settings
    ) -> dict[str, Refusal]:
        refused = {}
        for digest, artifact in assignment.others_by_digest.items():
            refusal = await self._hold(artifact, settings)
            if refusal is not None:
                self._tell(refusal)
                refused[digest] = refusal
        self._refused_others = refused
        return refused

    async def _hold(self, artifact: AssignedArtifact, settings: Settings) -> Refusal | None:
        """Load an artifact, unless it is; return why it cannot be."""
        held = self._held.get(artifact.digest)
        if held is not None and held.public_key == artifact.public_key:
            return None
        try:
            model = await asyncio.to_thread(load_model, artifact, settings)
        except SentinelError as error:
            return Refusal.of(error, artifact.digest)
        except Exception as error:  # noqa: BLE001 - see the module: this process stays
            _log.exception("The artifact %s could not be loaded.", artifact.digest)
            what = "The artifact could not be loaded"
            return Refusal.unexpected(what, error, artifact.digest)
        self._held[artifact.digest] = _Held(model, artifact.public_key)
        return None

    def _drop_others(self, assignment: Assignment, refused: Iterable[Refusal]) -> None:
        """Let go of versions that nobody names any more, once the requests that have them are done."""
        named = {assignment.default.digest, *assignment.others_by_digest}
        default = self.versions.default
        kept = named if default is None else {*named, default.digest}
        self._held = {digest: held for digest, held in self._held.items() if digest in kept}
        self._publish(coming=[one.digest for one in refused if one.digest and one.retries])

    def _publish(self, *, default: str | None = None, coming: Iterable[str] = ()) -> None:
        """Put what is held in the place of what can be asked for, in one step."""
        now = self.versions.default
        model = self._held[default].model if default else now
        first = {model.digest: model} if model else {}
        others = {digest: held.model for digest, held in self._held.items()}
        by_digest = first | {d: m for d, m in others.items() if d not in first}
        missing = frozenset(coming) - by_digest.keys()
        self.versions = Versions(self.versions.name, model, by_digest, missing)
        self.metrics.versions.set(len(by_digest))

    def _tell(self, refusal: Refusal) -> None:
        self.metrics.refused_artifacts.inc()
        _log.warning("%s", refusal.error)


def load_model(artifact: AssignedArtifact, settings: Settings) -> LoadedModel:
    """Fetch an artifact, check its digest and signature, load it and run its probe.

    Raises
    ------
    ArtifactError
        As `keep_artifact` and `LoadedModel` have it. A retry helps only for ``StoreUnreachable``.
    OSError
        The folder of kept artifacts cannot be written.
    """
    kept = keep_artifact(
        artifact.uri,
        artifact.digest,
        settings.state_dir / ARTIFACTS,
        public_key_pem=artifact.public_key.encode() if artifact.public_key else None,
        store=store_folder(settings.stores_dir, artifact.store),
    )
    return LoadedModel(kept)


def _remove_kept(folder: Path, digests: set[str]) -> None:
    """Remove artifacts that are no longer held: the folder is the pod's, and its size is bounded."""
    if not folder.is_dir():
        return
    names = {digest.removeprefix("sha256:") for digest in digests}
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path, ignore_errors=True)
