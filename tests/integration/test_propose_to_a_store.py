"""``sentinel propose --to`` against a real object store: what is uploaded can be served, for ever."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from sentinel_core.artifacts.fetch import fetch_artifact
from sentinel_core.artifacts.publish import publish_artifact
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.errors import ArtifactError
from sentinel_core.resources import load_manifest
from sentinel_pipelines.cli import propose
from tests.support.artifacts import pack_tar, write_small_artifact
from tests.support.fault_proxy import Fault, fault_proxy, status
from tests.support.object_store import write_settings

pytestmark = pytest.mark.server

BUDGET = Budget(
    connect_seconds=20, read_seconds=20, total_seconds=120, attempts=3, pause_seconds=0.01
)
MODEL = f"""apiVersion: sentinel.dev/v1alpha1
kind: SentinelModel
metadata: {{name: card-fraud}}
spec:
  artifact:
    uri: models/card-fraud   # not proposed yet
    digest: sha256:{"0" * 64}
"""


@pytest.fixture
def digest(tmp_path):
    return write_small_artifact(tmp_path / "model")


@pytest.fixture
def store(tmp_path, object_store):
    return write_settings(tmp_path / "store", object_store.endpoint)


@pytest.fixture
def prefix(tmp_path):
    return f"s3://models/{tmp_path.name}/"


def run(*arguments):
    app = typer.Typer()
    app.command()(propose)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_proposed_artifact_is_in_the_store_and_in_the_manifest(tmp_path, digest, store, prefix):
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest/model.yaml").write_text(MODEL)
    ran = run(
        tmp_path / "model", "-f", tmp_path / "manifest",
        "--to", prefix, "--store", store, "--store-secret", "model-store",
    )  # fmt: skip
    uri = f"{prefix}card-fraud-{digest.removeprefix('sha256:')[:12]}.tar"
    assert (ran.exit_code, ran.stdout.splitlines()[0]) == (0, uri)
    artifact = load_manifest(tmp_path / "manifest").models[0].resource.spec.artifact
    assert (artifact.uri, artifact.digest) == (uri, digest)
    assert artifact.store_secret_ref.name == "model-store"
    assert "# not proposed yet" in (tmp_path / "manifest/model.yaml").read_text()
    assert fetch_artifact(uri, digest, store=store) == fetch_artifact(str(tmp_path / "model"))


def test_the_secret_must_be_named_before_anything_is_uploaded(
    tmp_path, digest, store, prefix, object_store
):
    (tmp_path / "model.yaml").write_text(MODEL)
    ran = run(tmp_path / "model", "-f", tmp_path / "model.yaml", "--to", prefix, "--store", store)
    assert ran.exit_code == 2
    assert "--store-secret" in ran.stderr
    assert object_store.keys_under(tmp_path.name) == []


def test_the_same_artifact_again_is_no_second_one(tmp_path, digest, store, prefix, object_store):
    (tmp_path / "model.tar").write_bytes(pack_tar(tmp_path / "model"))
    first = publish_artifact(tmp_path / "model", prefix, store, budget=BUDGET)
    assert publish_artifact(tmp_path / "model.tar", prefix, store, budget=BUDGET) == first
    assert len(object_store.keys_under(tmp_path.name)) == 1


def test_another_artifact_under_the_name_is_refused_and_left_as_it_is(
    tmp_path, digest, store, prefix, object_store
):
    private, _ = generate_key()
    first = publish_artifact(tmp_path / "model", prefix, store, budget=BUDGET)
    before = (object_store.root / first.uri.removeprefix("s3://")).read_bytes()
    # The same manifest and so the same name, but a signature that the first one has not.
    write_small_artifact(tmp_path / "signed", private_key_pem=private)
    with pytest.raises(ArtifactError) as refused:
        publish_artifact(tmp_path / "signed", prefix, store, budget=BUDGET)
    assert refused.value.reason == "ArtifactConflict"
    assert (object_store.root / first.uri.removeprefix("s3://")).read_bytes() == before


def test_a_damaged_artifact_is_not_uploaded(tmp_path, digest, store, prefix, object_store):
    (tmp_path / "model/card.md").write_text("another card")
    with pytest.raises(ArtifactError):
        publish_artifact(tmp_path / "model", prefix, store, budget=BUDGET)
    assert object_store.keys_under(tmp_path.name) == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("reset", after_bytes=10), id="the answer is lost"),
        pytest.param(status(503), id="the store is busy"),
    ],
)
def test_an_upload_whose_answer_does_not_come_is_made_once(
    tmp_path, digest, prefix, object_store, fault
):
    with fault_proxy(object_store.port) as (proxy, port):
        store = write_settings(tmp_path / "store", f"http://127.0.0.1:{port}")
        proxy.next(fault)
        published = publish_artifact(tmp_path / "model", prefix, store, budget=BUDGET)
    assert published.digest == digest
    assert len(object_store.keys_under(tmp_path.name)) == 1


@pytest.mark.parametrize(
    ("to", "changes", "reason"),
    [
        ("s3://NO-BUCKET/x", {}, "UnsupportedStore"),
        ("s3://no-such-bucket/x", {}, "ArtifactMissing"),
        ("https://models.example/x", {}, "UnsupportedStore"),
        ("s3://models/x", {"secretAccessKey": "another"}, "StoreDenied"),
        ("s3://models/x", {"accessKeyId": None, "secretAccessKey": None}, "StoreDenied"),
    ],
)
def test_where_nothing_can_be_uploaded_it_is_said_why(
    tmp_path, digest, object_store, *, to, changes, reason
):
    store = write_settings(tmp_path / "store", object_store.endpoint, **changes)
    with pytest.raises(ArtifactError) as refused:
        publish_artifact(tmp_path / "model", to, store, budget=BUDGET)
    assert refused.value.reason == reason


def test_a_store_that_gives_back_something_else_is_found_out(
    tmp_path, digest, prefix, object_store
):
    with fault_proxy(object_store.port) as (proxy, port):
        store = write_settings(tmp_path / "store", f"http://127.0.0.1:{port}")
        write_small_artifact(tmp_path / "other", version="2")
        tar = pack_tar(tmp_path / "other")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(tar)}\r\n\r\n".encode()
        proxy.next(Fault(), Fault("say", answer=head + tar))
        with pytest.raises(ArtifactError) as refused:
            publish_artifact(tmp_path / "model", prefix, store, budget=BUDGET)
    assert refused.value.reason == "ArtifactConflict"


def test_two_digests_of_one_model_have_two_names(tmp_path, digest, store, prefix):
    write_small_artifact(tmp_path / "other", version="2")
    uris = {
        publish_artifact(tmp_path / name, prefix, store, budget=BUDGET).uri
        for name in ("model", "other")
    }
    assert len(uris) == 2
