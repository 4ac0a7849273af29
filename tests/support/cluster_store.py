"""The S3 store inside the test cluster, as a test fills it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel_core.artifacts.publish import publish_artifact
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET
from sentinel_core.artifacts.stores.config import read_store_config
from sentinel_core.artifacts.stores.s3_store import S3Store
from tests.cluster.build_load.store import BUCKET, NAME
from tests.support.model_pipelines import write_model

STORE_SECRET = NAME


@dataclass(frozen=True, slots=True)
class Proposed:
    """An artifact in the store, as a SentinelModel declares it."""

    uri: str
    digest: str


@dataclass(frozen=True, slots=True)
class ClusterStore:
    """The store, reached from this machine.

    Attributes
    ----------
    settings : folder that says how
    scratch : for artifacts on their way
    """

    settings: Path
    scratch: Path

    def put(self, key: str, data: bytes) -> str:
        """Write an object, whatever is in it, and return its URI; what is there stays."""
        uri = f"s3://{BUCKET}/{key}"
        S3Store(read_store_config(self.settings), DEFAULT_BUDGET).create(uri, data)
        return uri

    def propose(self, seed: int, **fields: Any) -> Proposed:
        """Upload a sound artifact of random trees for the features of `model_pipelines`."""
        folder = self.scratch / f"model-{seed}"
        if not folder.exists():
            write_model(folder, seed=seed, **fields)
        published = publish_artifact(folder, f"s3://{BUCKET}/small", self.settings)
        return Proposed(published.uri, published.digest)
