"""What a model server serves, and how it takes up other artifacts.

Nothing that is wrong with an artifact or its store ends the process: it says what is wrong, goes on
with what it has, and tries again what may succeed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sentinel_bentos.followers import Followers
from sentinel_bentos.model.assignment import AssignedArtifact, Assignment, read_assignment
from sentinel_bentos.model.settings import Settings
from sentinel_bentos.model.versions import Versions
from sentinel_bentos.watch import (
    FIRST_RETRY_SECONDS,
    LAST_RETRY_SECONDS,
    Mounted,
    follow,
    mounted_state,
)
from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.artifacts.stores.config import store_folder
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.errors import SentinelError
from sentinel_core.telemetry import ModelServerMetrics

ARTIFACTS = "artifacts"
"""Folder of the kept artifacts in the state's."""
FETCH_BUDGET = Budget(attempts=1)
"""A server tries again by itself, so one attempt must not hold up what else it is given."""
OTHERS_AT_ONCE = 4
"""Threads that load versions beside the default one. A change goes on without the one that is being
loaded, and a thread cannot be ended; so that it can go on, there are some in reserve."""

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
        self._coming: set[str] = set()
        self._taken_up: tuple[Mounted, Assignment] | None = None
        self._others = Followers()
        self._others_threads: ThreadPoolExecutor

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

        await asyncio.to_thread(_remove_begun, settings.state_dir / ARTIFACTS)
        self._taken_up = None
        self._others_threads = ThreadPoolExecutor(OTHERS_AT_ONCE, thread_name_prefix="others")
        try:
            await follow(settings, take_up)
        finally:
            await self._others.stop()
            self._others_threads.shutdown(wait=False, cancel_futures=True)

    async def _take_up(self, settings: Settings) -> bool:
        """Serve what is assigned, or say why not; return whether the default may succeed later.

        Others are loaded beside this, and tried again there: a change finds nobody waiting for them.
        """
        mounted = mounted_state(settings)
        try:
            assignment = await asyncio.to_thread(read_assignment, settings.release_dir)
        except SentinelError as error:
            self.refuse(Refusal.of(error))
            return error.retryable
        changed = self._taken_up != (mounted, assignment)
        if changed:
            await self._others.stop()
            self._coming = {assignment.default.digest, *assignment.others_by_digest}
        refusal = await self._take_up_default(assignment, settings)
        await self._drop_unnamed(assignment, settings)
        if changed:
            self._taken_up = (mounted, assignment)
            self._others.start(partial(self._follow_others, assignment, settings))
        return refusal is not None and refusal.retries

    async def _take_up_default(self, assignment: Assignment, settings: Settings) -> Refusal | None:
        """Put the default version in its place as soon as it is loaded; the old one stays till then."""
        self._publish()
        refusal = await self._hold(assignment.default, settings)
        if refusal is not None:
            self.refuse(refusal)
            return refusal
        self._publish(default=assignment.default.digest)
        self._refusal = None
        if not self.loaded.is_set():
            # What was loaded stays; without this every full collection would walk it.
            gc.collect()
            gc.freeze()
            self.loaded.set()
        return None

    async def _follow_others(self, assignment: Assignment, settings: Settings) -> None:
        """Load the versions beside the default one, until each is loaded or refused for good."""
        retry_seconds = FIRST_RETRY_SECONDS
        while await self._take_up_others(assignment, settings):
            await asyncio.sleep(retry_seconds)
            retry_seconds = min(2 * retry_seconds, LAST_RETRY_SECONDS)

    async def _take_up_others(self, assignment: Assignment, settings: Settings) -> bool:
        """Try each; return whether one that is refused may succeed later."""
        # What was refused before comes last: its store may take its time to refuse it again.
        others = sorted(
            assignment.others_by_digest.values(), key=lambda one: one.digest in self._refused_others
        )
        for artifact in others:
            refusal = await self._hold(artifact, settings, self._others_threads)
            if refusal is None:
                self._refused_others.pop(artifact.digest, None)
            else:
                self._refused_others[artifact.digest] = refusal
                self._tell(refusal)
            self._publish()
        return any(one.retries for one in self._refused_others.values())

    async def _hold(
        self, artifact: AssignedArtifact, settings: Settings, threads: Executor | None = None
    ) -> Refusal | None:
        """Load an artifact, unless it is; return why it cannot be."""
        held = self._held.get(artifact.digest)
        if held is not None and held.public_key == artifact.public_key:
            return None
        loop = asyncio.get_running_loop()
        try:
            model = await loop.run_in_executor(threads, load_model, artifact, settings)
        except SentinelError as error:
            refusal = Refusal.of(error, artifact.digest)
        except Exception as error:  # noqa: BLE001 - see the module: this process stays
            _log.exception("The artifact %s could not be loaded.", artifact.digest)
            what = "The artifact could not be loaded"
            refusal = Refusal.unexpected(what, error, artifact.digest)
        else:
            self._held[artifact.digest] = _Held(model, artifact.public_key)
            return None
        if not refusal.retries:
            self._coming.discard(artifact.digest)
        return refusal

    async def _drop_unnamed(self, assignment: Assignment, settings: Settings) -> None:
        """Let go of versions that nobody names any more, once the requests that have them are done."""
        others = assignment.others_by_digest
        default = self.versions.default
        kept = {assignment.default.digest, *others, *([default.digest] if default else ())}
        self._held = {digest: held for digest, held in self._held.items() if digest in kept}
        refused = self._refused_others.items()
        self._refused_others = {digest: one for digest, one in refused if digest in others}
        self._publish()
        loading = others.keys() - self._refused_others.keys()
        folder = settings.state_dir / ARTIFACTS
        await asyncio.to_thread(_remove_kept, folder, {*self._held, *loading})

    def _publish(self, *, default: str | None = None) -> None:
        """Put what is held in the place of what can be asked for, in one step."""
        now = self.versions.default
        model = self._held[default].model if default else now
        first = {model.digest: model} if model else {}
        others = {digest: held.model for digest, held in self._held.items()}
        by_digest = first | {d: m for d, m in others.items() if d not in first}
        missing = frozenset(self._coming - by_digest.keys())
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
        budget=FETCH_BUDGET,
    )
    return LoadedModel(kept)


def _remove_kept(folder: Path, digests: set[str]) -> None:
    """Remove artifacts that are no longer held: the folder is the pod's, and its size is bounded.

    Hidden ones are on their way, perhaps on another thread.
    """
    if not folder.is_dir():
        return
    names = {digest.removeprefix("sha256:") for digest in digests}
    for path in folder.iterdir():
        if path.name not in names and not path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)


def _remove_begun(folder: Path) -> None:
    """Remove what a process that ended left on its way."""
    if folder.is_dir():
        for path in folder.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)
