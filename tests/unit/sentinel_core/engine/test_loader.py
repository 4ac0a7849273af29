"""The artifacts that a release names come from where it says, by the settings of the store it names."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from sentinel_core.artifacts.manifest import FeatureSpecRef
from sentinel_core.clock import FixedClock
from sentinel_core.engine.loader import Loader
from sentinel_core.errors import ArtifactError
from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.release.document import ModelFailure, ReleaseModel
from sentinel_core.release.projection import read_projection, write_projection
from sentinel_core.store import Store
from tests.cluster.harness.certificates import Authority
from tests.support.artifacts import pack_tar, write_small_artifact
from tests.support.object_store import write_settings
from tests.support.pipelines import FEATURES, NOW_US, build_release
from tests.support.web_server import serving_folder

INPUTS = ("card_count_1h", "card_sum_1d", "terminal_count_1d")


@pytest.fixture
def digest(tmp_path):
    """Write an artifact of the small pipeline's features, as a folder and as a tar."""
    spec = parse_spec(load_yaml(FEATURES, "features.yaml"), schema_of("Transaction"))
    reference = FeatureSpecRef(digest=spec.closure(INPUTS).digest)
    folder = tmp_path / "models/card"
    written = write_small_artifact(folder, features=INPUTS, feature_spec=reference)
    (tmp_path / "models/card.tar").write_bytes(pack_tar(folder))
    return written


@pytest.fixture
def web(tmp_path):
    """Serve the artifact's tar from behind a certificate that only the store's folder vouches for."""
    authority = Authority(tmp_path / "authority")
    authority.create()
    write_settings(tmp_path / "stores/own", None, ca_crt=authority.certificate.read_text())
    identity = authority.issue("server", "server", hosts=["127.0.0.1"])
    with serving_folder(tmp_path / "models", identity) as url:
        yield url


@contextmanager
def loading(folder, uri, digest, *, store_name=None, **options):
    """Load a release with one model; yield the digest of what was loaded."""
    failure = ModelFailure(action="Skip")
    model = ReleaseModel(
        name="fraud", model="card", uri=uri, digest=digest, deadline_ms=10, on_failure=failure,
        store=store_name,
    )  # fmt: skip
    write_projection(folder / "release", build_release().model_copy(update={"models": (model,)}))
    store = Store.open(folder / "record.db")
    try:
        loader = Loader(folder / "artifacts", store, FixedClock(NOW_US), **options)
        arms = loader.load_arms(read_projection(folder / "release"))
        yield arms.stable.artifact_digests["fraud"]
    finally:
        store.close()


def test_a_relative_path_counts_from_the_folder_of_the_manifest(tmp_path, digest):
    with loading(tmp_path, "models/card", digest, base=tmp_path) as loaded:
        assert loaded == digest


def test_an_artifact_is_fetched_by_the_settings_of_the_store_that_the_release_names(
    tmp_path, digest, web
):
    options = {"store_name": "own", "stores_dir": tmp_path / "stores"}
    with loading(tmp_path, f"{web}/card.tar", digest, **options) as loaded:
        assert loaded == digest


@pytest.mark.parametrize("options", [{}, {"store_name": "own"}])
def test_without_its_store_an_artifact_is_refused(tmp_path, digest, web, options):
    with (
        pytest.raises(ArtifactError) as refused,
        loading(tmp_path, f"{web}/card.tar", digest, **options),
    ):
        pass
    assert refused.value.reason == "StoreUntrusted"


def test_an_artifact_that_is_kept_needs_no_store(tmp_path, digest):
    with loading(tmp_path, "models/card", digest, base=tmp_path):
        pass
    with loading(tmp_path, "s3://models/card.tar", digest, store_name="own") as loaded:
        assert loaded == digest
