"""The card-payments sample over the Handbook's stream, as the benches measure it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sentinel_core.artifacts.read import Artifact, read_artifact
from sentinel_core.clock import Clock, to_us
from sentinel_core.engine.history import write_history
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.loader import Loader
from sentinel_core.errors import NotFoundError
from sentinel_core.events import Event
from sentinel_core.features import FeatureSpec
from sentinel_core.release import compile_manifest, read_projection, write_projection
from sentinel_core.store import Store
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from sentinel_pipelines.tasks.proposal import Proposal, find_model, propose
from sentinel_pipelines.tasks.study import Study, load_study
from tests.bench.record import ROOT

SAMPLE = ROOT / "manifests" / "samples" / "card-payments"
NOW_US = to_us(datetime(2018, 8, 29, 12, tzinfo=UTC))
"""Where the history of a served pipeline ends, as in the demo."""
END_US = to_us(datetime(2018, 10, 1, tzinfo=UTC))
"""After the stream's last payment."""


@dataclass(frozen=True, slots=True)
class CardPayments:
    """The stream, and the sample with an artifact proposed in a copy of it."""

    study: Study
    spec: FeatureSpec
    artifact: Path
    manifests: Path

    @classmethod
    def prepare(cls, folder: Path) -> CardPayments:
        """Make the stream and its features where they are not kept, and copy the sample."""
        spec = load_pipeline_spec(SAMPLE)
        artifact = newest_artifact(spec)
        manifests = folder / "manifests"
        shutil.copytree(SAMPLE, manifests)
        proposal = Proposal(artifact.as_uri(), read_artifact(artifact).digest)
        propose(find_model(manifests, None), proposal)
        study = load_study(load_or_generate(default_cache_dir()), spec, default_cache_dir())
        return cls(study, spec, artifact, manifests)

    def read_artifact(self) -> Artifact:
        """Read the proposed artifact."""
        return read_artifact(self.artifact)

    def write_release(self, folder: Path) -> Path:
        """Compile the manifests into the folder that an engine reads."""
        compiled = compile_manifest(self.manifests)
        write_projection(folder, compiled.release, blobs=compiled.blobs)
        return folder

    def load_release(self, folder: Path, store: Store, clock: Clock) -> LoadedRelease:
        """Load the compiled release as a server does."""
        loader = Loader(folder / "artifacts", store, clock, base=self.manifests)
        return loader.load_arms(read_projection(self.write_release(folder / "release"))).stable

    def write_history(self, folder: Path, *, until_us: int) -> Path:
        """Write the stream's events and labels up to a time, as ``sentinel backfill`` does."""
        study = self.study
        return write_history(
            folder, study.events(), study.labels(), study.selections, until_us=until_us
        )

    def payments_after(self, time_us: int, count: int) -> Iterator[Event]:
        """Yield the next payments of the stream, each as if it came when it occurred."""
        events = self.study.events()
        first = int(np.searchsorted(events.occurred_at_us, time_us))
        return events.events("default", first, first + count)


def newest_artifact(spec: FeatureSpec) -> Path:
    """Find the newest kept artifact that was trained on the features of the sample as they are.

    Raises
    ------
    NotFoundError
        There is none. Retryable: after training one.
    """
    kept = sorted(
        (default_cache_dir() / "models").glob("*/manifest.json"), key=lambda p: p.stat().st_mtime
    )
    for manifest in reversed(kept):
        trained_on = read_artifact(manifest.parent).manifest
        names = [name for name in trained_on.feature_names if name in spec.by_name]
        if len(names) == len(trained_on.feature_names) and (
            spec.closure(names).digest == trained_on.feature_spec.digest
        ):
            return manifest.parent.resolve()
    raise NotFoundError(
        "No artifact is kept that was trained on the sample's features as they are now.",
        user_action="Make one: sentinel train handbook --out .sentinel/bench",
    )
