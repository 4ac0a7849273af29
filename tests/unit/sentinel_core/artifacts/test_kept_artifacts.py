"""Artifacts are kept by digest: whole, or not at all, however many keep one at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from sentinel_core.artifacts.folder import _take_name, replace_folder, write_folder
from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.sign import generate_key, sign
from sentinel_core.errors import ArtifactError
from sentinel_core.ids import digest_bytes
from tests.support.artifacts import pack_tar, write_small_artifact
from tests.support.web_server import serving_folder

KEEPERS = 8


@pytest.fixture
def digest(tmp_path):
    return write_small_artifact(tmp_path / "model")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_kept_artifact_is_the_one_that_was_fetched(tmp_path, digest):
    keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    assert names(tmp_path / "kept") == [digest.removeprefix("sha256:")]
    assert files(tmp_path / "kept" / digest.removeprefix("sha256:")) == files(tmp_path / "model")


def test_what_is_kept_is_not_fetched_again(tmp_path, digest):
    kept = keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    assert keep_artifact("s3://models/gone", digest, tmp_path / "kept") == kept


def damage(folder, digest):
    kept = folder / digest.removeprefix("sha256:")
    (kept / "card.md").write_text("another card")
    return kept


def test_what_is_kept_is_checked_again(tmp_path, digest):
    keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    kept = damage(tmp_path / "kept", digest)
    before = files(kept)
    with pytest.raises(ArtifactError) as refused:
        keep_artifact("gone", digest, tmp_path / "kept", base=tmp_path)
    assert refused.value.reason == "ArtifactMissing"
    assert files(kept) == before


def test_what_was_damaged_on_the_disk_is_fetched_again(tmp_path, digest):
    keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    kept = damage(tmp_path / "kept", digest)
    again = keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    assert again == read_artifact(tmp_path / "model")
    assert files(kept) == files(tmp_path / "model")
    assert names(tmp_path / "kept") == [kept.name]


def test_what_was_signed_anew_in_its_store_is_fetched_again(tmp_path, digest):
    keep_artifact("model", digest, tmp_path / "kept", base=tmp_path)
    for _ in range(2):
        private, public = generate_key()
        manifest = (tmp_path / "model/manifest.json").read_bytes()
        (tmp_path / "model/SIGNATURE").write_bytes(sign(manifest, private))
        given = {"public_key_pem": public, "base": tmp_path}
        fetched = keep_artifact("model", digest, tmp_path / "kept", **given)
        assert keep_artifact("gone", digest, tmp_path / "kept", **given) == fetched
    assert names(tmp_path / "kept") == [digest.removeprefix("sha256:")]


def test_of_several_that_replace_a_folder_at_once_one_stays_whole(tmp_path):
    write_folder(tmp_path / "name", {"manifest.json": b"old"})
    start = Barrier(KEEPERS)

    def replace(number):
        start.wait()
        content = f"{number}".encode()
        replace_folder(tmp_path / "name", {"manifest.json": content, "SIGNATURE": content})

    with ThreadPoolExecutor(KEEPERS) as many:
        list(many.map(replace, range(KEEPERS)))
    assert names(tmp_path) == ["name"]
    assert len(set(files(tmp_path / "name").values())) == 1
    assert files(tmp_path / "name").keys() == {Path("manifest.json"), Path("SIGNATURE")}


def test_nothing_is_kept_of_a_refused_artifact(tmp_path, digest):
    another = digest_bytes(b"another")
    _, public = generate_key()
    for wrong in ({"digest": another}, {"digest": digest, "public_key_pem": public}):
        with pytest.raises(ArtifactError):
            keep_artifact("model", folder=tmp_path / "kept", base=tmp_path, **wrong)
    assert names(tmp_path / "kept") == []


def test_nothing_is_kept_of_a_refused_tar_from_a_store(tmp_path, digest):
    (tmp_path / "model.tar").write_bytes(pack_tar(tmp_path / "model")[:5000])
    with serving_folder(tmp_path) as url, pytest.raises(ArtifactError):
        keep_artifact(f"{url}/model.tar", digest, tmp_path / "kept")
    assert names(tmp_path / "kept") == []


def test_all_that_keep_the_same_artifact_at_once_get_it(tmp_path, digest):
    (tmp_path / "model.tar").write_bytes(pack_tar(tmp_path / "model"))
    start = Barrier(KEEPERS)

    def keep(url):
        start.wait()
        return keep_artifact(f"{url}/model.tar", digest, tmp_path / "kept").digest

    with serving_folder(tmp_path) as url, ThreadPoolExecutor(KEEPERS) as many:
        kept = list(many.map(keep, [url] * KEEPERS))
    assert kept == [digest] * KEEPERS
    assert names(tmp_path / "kept") == [digest.removeprefix("sha256:")]


def test_a_folder_that_came_first_stays_as_it_is(tmp_path):
    write_folder(tmp_path / "name", {"manifest.json": b"first"})
    with pytest.raises(FileExistsError):
        write_folder(tmp_path / "name", {"manifest.json": b"second"})
    assert files(tmp_path) == {Path("name/manifest.json"): b"first"}


def test_a_folder_that_came_between_the_look_and_the_rename_stays_as_it_is(tmp_path):
    for name in ("staging", "name"):
        write_folder(tmp_path / name, {"manifest.json": name.encode()})
    with pytest.raises(FileExistsError):
        _take_name(tmp_path / "staging", tmp_path / "name")
    assert (tmp_path / "name/manifest.json").read_bytes() == b"name"
