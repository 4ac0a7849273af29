"""Where a release's artifacts come from: what is declared, or what the operator has proven."""

import pytest

from sentinel_core.errors import ReleaseError
from sentinel_core.ids import digest_bytes
from sentinel_core.release import ProvenArtifact, compile_release, read_release
from tests.support.manifests import PROPOSED, compile_files, edited, parse_files, read_sample

EARLIER = ProvenArtifact("s3://models/card-fraud-1.tar", digest_bytes(b"earlier"), store="store")
S3 = "uri: s3://models/card-fraud-2.tar\n    storeSecretRef: {name: model-store}"


@pytest.fixture
def files():
    return read_sample("card-payments")


@pytest.fixture
def remote(files):
    """Return the sample with its model, which has a server, called over the network."""
    return edited(files, "pipeline.yaml", "placement: Inline", "placement: Remote")


def compile_proven(files, proven):
    manifest = parse_files(files)
    return compile_release(
        manifest.pipeline(),
        manifest.models_in("default"),
        manifest.config_maps_in("default"),
        proven=proven,
    )


def refused_for(files, proven):
    with pytest.raises(ReleaseError) as caught:
        compile_proven(files, proven)
    return caught.value.reason


def the_model(compiled):
    (model,) = compiled.release.models
    return model


def test_what_was_proven_goes_before_what_is_declared(files):
    model = the_model(compile_proven(files, {"card-fraud": EARLIER}))
    assert ProvenArtifact(model.uri, model.digest, model.store, model.public_key) == EARLIER


def test_what_is_declared_and_proven_is_named_as_declared(files):
    proven = ProvenArtifact("models/card-fraud", PROPOSED)
    assert compile_files(files).release.digest == (
        compile_proven(files, {"card-fraud": proven}).release.digest
    )


@pytest.mark.parametrize(
    "proven",
    [
        ProvenArtifact("s3://models/before-it-moved.tar", PROPOSED, "model-store"),
        ProvenArtifact("s3://models/card-fraud-2.tar", PROPOSED, "store-before"),
    ],
)
def test_an_artifact_is_fetched_where_it_was_proven_and_not_where_it_is_declared(files, proven):
    moved = edited(files, "model.yaml", "uri: models/card-fraud", S3)
    model = the_model(compile_proven(moved, {"card-fraud": proven}))
    assert (proven.uri, proven.store) == (model.uri, model.store)


def test_a_model_without_a_proven_artifact_is_not_ready(files):
    assert refused_for(files, {}) == "ModelNotReady"


def test_a_store_goes_into_the_release(files):
    model = the_model(compile_files(edited(files, "model.yaml", "uri: models/card-fraud", S3)))
    assert (model.uri, model.store) == ("s3://models/card-fraud-2.tar", "model-store")


def test_a_remote_model_is_called_by_the_name_of_all_its_pods(remote):
    model = the_model(compile_files(remote))
    assert (
        model.placement,
        model.grpc_url,
    ) == ("Remote", "dns:///card-fraud-model-pods.default.svc:3001")


def test_a_remote_model_without_a_server_is_refused(remote):
    model, _, _ = remote["model.yaml"].partition("  server:\n")
    assert refused_for(remote | {"model.yaml": model}, None) == "ModelHasNoServer"


def test_a_release_that_says_nothing_new_keeps_its_form(files):
    model = the_model(compile_files(files))
    assert {"name", "model", "uri", "digest", "publicKey", "deadlineMs", "onFailure"} == set(
        model.model_dump(by_alias=True)
    )


def test_a_release_with_a_remote_model_is_read_back(remote):
    release = compile_files(remote).release
    assert release == read_release(release.canonical)
    assert release.digest == digest_bytes(release.canonical)
