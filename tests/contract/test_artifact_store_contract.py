"""What every place that holds artifacts does: a folder, a web server with and without TLS, S3."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.fetch import open_store
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.artifacts.write import pack_files
from sentinel_core.errors import ArtifactError
from tests.cluster.harness.certificates import Authority
from tests.support.object_store import write_settings
from tests.support.web_server import DENIED_FOLDER, serving_folder

FILES = {"manifest.json": b"{}", "model.onnx": bytes(range(256)) * 1000, "explainer/a.npy": b"a"}
QUICK = Budget(connect_seconds=5, read_seconds=5, total_seconds=20, attempts=2, pause_seconds=0.01)


@dataclass(frozen=True)
class Place:
    """A store and how a test puts something there."""

    root: Path
    url: str
    store: Path | None
    strangers_store: Path | None = None

    def put(self, name: str, data: bytes) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"{self.url}/{name}"

    def read(self, uri: str, limits: Limits = Limits(), store: Path | None = None):  # noqa: B008 - frozen
        return open_store(uri, store=store or self.store, budget=QUICK).read(uri, limits)

    def refusal(self, uri, *arguments, **options) -> ArtifactError:
        with pytest.raises(ArtifactError) as refused:
            self.read(uri, *arguments, **options)
        return refused.value


@pytest.fixture
def folder_place(tmp_path):
    return Place(tmp_path / "root", (tmp_path / "root").as_uri(), None)


@pytest.fixture
def web_place(tmp_path):
    (tmp_path / "root").mkdir()
    with serving_folder(tmp_path / "root") as url:
        yield Place(tmp_path / "root", url, None)


@pytest.fixture
def tls_place(tmp_path):
    (tmp_path / "root").mkdir()
    authority = Authority(tmp_path / "authority")
    authority.create()
    identity = authority.issue("server", "server", hosts=["127.0.0.1"])
    store = write_settings(tmp_path / "store", None, ca_crt=authority.certificate.read_text())
    with serving_folder(tmp_path / "root", identity) as url:
        yield Place(tmp_path / "root", url, store)


@pytest.fixture
def s3_place(tmp_path, object_store):
    root = object_store.root / "models" / tmp_path.name
    store = write_settings(tmp_path / "store", object_store.endpoint)
    stranger = write_settings(tmp_path / "other", object_store.endpoint, secretAccessKey="wrong")
    return Place(root, f"s3://models/{tmp_path.name}", store, stranger)


@pytest.fixture(
    params=["folder", "web", "tls", pytest.param("s3", marks=pytest.mark.server)],
)
def place(request) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


def test_what_a_tar_holds_is_read(place):
    assert place.read(place.put("card.tar", pack_files(FILES))) == FILES


@pytest.mark.parametrize("name", ["a b/ü.tar", "a+b&c=d,e;f/x.tar", "per%20cent.tar"])
def test_a_name_is_taken_as_it_is_written(place, name):
    uri = place.put(name, pack_files(FILES))
    if not uri.startswith("s3://"):  # a key is no part of a URL, and has no escapes
        uri = f"{place.url}/{quote(name)}"
    assert place.read(uri) == FILES


def test_what_is_there_now_is_read_and_not_what_was_there_before(place):
    uri = place.put("card.tar", pack_files(FILES))
    place.read(uri)
    place.put("card.tar", pack_files({"manifest.json": b"[]"}))
    assert place.read(uri) == {"manifest.json": b"[]"}


def test_where_there_is_nothing_the_artifact_is_missing(place):
    place.put("card.tar", b"")
    assert place.refusal(f"{place.url}/none.tar").reason == "ArtifactMissing"


def test_what_may_not_be_read_is_denied(place):
    name = f"{DENIED_FOLDER}/card.tar"
    uri = place.put(name, pack_files(FILES))
    if place.url.startswith("file"):
        if os.geteuid() == 0:
            pytest.skip("the superuser may read every file")
        (place.root / name).chmod(0)
    assert place.refusal(uri, store=place.strangers_store).reason == "StoreDenied"


def test_a_tar_over_the_limit_is_not_read(place):
    uri = place.put("card.tar", pack_files(FILES) + bytes(2_000_000))
    assert place.refusal(uri, Limits(max_total_bytes=1000)).reason == "ArtifactTooLarge"


def test_a_file_over_its_limit_is_not_read(place):
    uri = place.put("card.tar", pack_files(FILES))
    assert place.refusal(uri, Limits(max_file_bytes=1000)).reason == "ArtifactTooLarge"


def test_a_tar_that_breaks_off_is_told_apart_from_a_broken_connection(place):
    uri = place.put("card.tar", pack_files(FILES)[:5000])
    assert place.refusal(uri).reason == "Truncated"


def test_a_file_that_is_no_tar_is_no_artifact(place):
    uri = place.put("card.tar", b"<html>sign in</html>" * 100)
    assert place.refusal(uri).reason == "NotAnArtifact"


def test_a_refusal_names_the_address_and_an_action(place):
    refusal = place.refusal(f"{place.url}/none.tar")
    assert "none.tar" in refusal.message
    assert refusal.user_action


def test_nothing_is_left_on_the_disk(place, tmp_path, monkeypatch):
    uri = place.put("card.tar", pack_files(FILES))
    cut = place.put("cut.tar", pack_files(FILES)[:5000])
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    place.read(uri)
    place.refusal(cut)
    assert list(scratch.iterdir()) == []
