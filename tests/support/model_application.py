"""A model server's parts over real artifacts, in this process and without a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from sentinel_bentos.model.rest import RestApp
from sentinel_bentos.model.scoring import Scoring
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.settings import Settings
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.telemetry import ModelServerMetrics
from tests.support.application import become, client_of
from tests.support.artifacts import write_small_artifact
from tests.support.kubelet import KubeletVolume
from tests.support.model_server import NAME, assign, assigned


@dataclass(slots=True)
class ModelFolder:
    """What a model server is given, and some artifacts by the seed of their trees."""

    folder: Path
    volume: KubeletVolume = field(init=False)
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.volume = KubeletVolume(self.folder / "release")
        self.settings = Settings(
            release_dir=self.folder / "release", state_dir=self.folder / "state", model_name=NAME
        )

    def write(self, seed: int, **fields: Any) -> dict[str, Any]:
        """Write an artifact, unless it is there; return what artifacts.json says of it."""
        place = self.folder / f"artifact-{seed}"
        if place.exists():
            return assigned(place, read_artifact(place).digest)
        return assigned(place, write_small_artifact(place, seed=seed, **fields))

    def load(self, artifact: dict[str, Any]) -> LoadedModel:
        return LoadedModel(read_artifact(Path(artifact["uri"].removeprefix("file://"))))

    def assign(self, default: dict[str, Any], *others: dict[str, Any]) -> None:
        assign(self.volume, default, *others)


@asynccontextmanager
async def serving_model(models: ModelFolder) -> AsyncIterator[ModelServing]:
    """Have something served until the end of this; it need not be ready."""
    serving = ModelServing(ModelServerMetrics(CollectorRegistry()))
    task = asyncio.create_task(serving.run(models.settings))
    try:
        yield serving
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def rest_client(
    models: ModelFolder, *artifacts: dict[str, Any]
) -> AsyncIterator[tuple[httpx.AsyncClient, ModelServing]]:
    """Return a client of the HTTP application, once the artifacts are loaded."""
    models.assign(*artifacts)
    async with serving_model(models) as serving:
        await become(lambda: len(serving.versions.by_digest) == len(artifacts))
        scoring = Scoring()
        async with client_of(RestApp(serving, scoring)) as client:
            yield client, serving
        scoring.close()


def sample(serving: ModelServing, name: str, **labels: str) -> float:
    """Return a metric's value; 0 where it was never counted."""
    return serving.metrics.registry.get_sample_value(name, labels) or 0.0
