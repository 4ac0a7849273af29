"""What is written can be read, and says the same as a folder and as a tar."""

import stat

import pytest

from sentinel_core.artifacts.manifest import parse_manifest
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.sign import generate_key, write_key_pair
from sentinel_core.artifacts.stores.folder_store import resolve_uri
from sentinel_core.errors import ArtifactError, ConfigurationError
from sentinel_core.ids import digest_bytes
from tests.support.artifacts import make_fields, pack_tar, write_small_artifact


def test_a_folder_and_its_tar_are_the_same_artifact(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    (tmp_path / "model.tar").write_bytes(pack_tar(tmp_path / "model"))
    folder = read_artifact(tmp_path / "model", digest)
    assert folder == read_artifact(tmp_path / "model.tar", digest)


def test_two_packings_have_the_same_bytes(tmp_path):
    write_small_artifact(tmp_path / "one")
    write_small_artifact(tmp_path / "other")
    assert pack_tar(tmp_path / "one") == pack_tar(tmp_path / "other")


def test_the_digest_is_that_of_the_manifest(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    assert digest_bytes((tmp_path / "model/manifest.json").read_bytes()) == digest


def test_a_manifest_reads_back_equal(tmp_path):
    write_small_artifact(tmp_path / "model")
    data = (tmp_path / "model/manifest.json").read_bytes()
    assert parse_manifest(data).to_bytes() == data


def test_a_signature_verifies_with_its_own_key(tmp_path):
    private, public = generate_key()
    digest = write_small_artifact(tmp_path / "model", private_key_pem=private)
    artifact = read_artifact(tmp_path / "model", digest, public)
    assert artifact.signed_by is not None


def test_a_loaded_model_keeps_the_artifacts_digest(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    assert LoadedModel(read_artifact(tmp_path / "model")).digest == digest


def test_what_was_read_does_not_change_with_the_disk(tmp_path):
    write_small_artifact(tmp_path / "model")
    artifact = read_artifact(tmp_path / "model")
    before = artifact.model
    (tmp_path / "model/model.onnx").write_bytes(b"another")
    assert artifact.model == before
    assert LoadedModel(artifact).feature_count == 3


def test_an_artifact_is_never_overwritten(tmp_path):
    write_small_artifact(tmp_path / "model")
    before = (tmp_path / "model/manifest.json").read_bytes()
    with pytest.raises(ConfigurationError):
        write_small_artifact(tmp_path / "model", version="2")
    assert (tmp_path / "model/manifest.json").read_bytes() == before


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ArtifactError) as refused:
        write_small_artifact(tmp_path / "model", private_key_pem=b"not a key")
    assert refused.value.reason == "KeyInvalid"
    assert list(tmp_path.iterdir()) == []


def test_a_private_key_is_for_its_owner_only(tmp_path):
    private, _ = write_key_pair(tmp_path)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_keys_are_never_overwritten(tmp_path):
    private, _ = write_key_pair(tmp_path)
    before = private.read_bytes()
    with pytest.raises(ConfigurationError):
        write_key_pair(tmp_path)
    assert private.read_bytes() == before


def test_only_history_features_make_a_model_need_history():
    assert make_fields(features=("amount", "hour")).needs_history is False
    assert make_fields(features=("amount", "card_count_1d")).needs_history is True


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("models/card", "/base/models/card"),
        ("/models/card", "/models/card"),
        ("models/a#b?c", "/base/models/a#b?c"),
        ("file:///models/a%20b", "/models/a b"),
        ("file://localhost/models/card", "/models/card"),
    ],
)
def test_a_path_or_file_uri_is_found(tmp_path, uri, path):
    assert resolve_uri(uri, type(tmp_path)("/base")).as_posix() == path


@pytest.mark.parametrize(
    "uri",
    [
        "s3://models/card", "https://models.example/card", "http://models.example/card",
        "ftp://models.example/card", "file://elsewhere/models/card", "file:models/card",
        "file:///models/card?version=1",
    ],
)  # fmt: skip
def test_another_store_is_refused_with_the_reason(uri):
    with pytest.raises(ArtifactError) as refused:
        resolve_uri(uri)
    assert refused.value.reason == "UnsupportedStore"
