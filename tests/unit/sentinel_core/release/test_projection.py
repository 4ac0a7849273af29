"""The folder through which servers get their releases."""

import re

import pytest

from sentinel_core.errors import NotReadyError, ReleaseError
from sentinel_core.ids import digest_bytes
from sentinel_core.release import read_projection, rows_of, write_projection
from sentinel_core.release.projection import config_map_data, projection_files
from tests.support.kubelet import KubeletVolume
from tests.support.manifests import compile_files, read_sample


@pytest.fixture(scope="module")
def compiled():
    return compile_files(read_sample("card-payments"))


@pytest.fixture(scope="module")
def stable(compiled):
    return compiled.release


@pytest.fixture(scope="module")
def candidate(stable):
    return stable.model_copy(update={"budget_ms": 40})


def test_what_is_written_is_read_back(tmp_path, stable, candidate):
    write_projection(tmp_path, stable, candidate, 12.5)
    read = read_projection(tmp_path)
    assert (stable, candidate, 12.5) == (read.stable, read.candidate, read.percent)


def test_the_folder_is_made_where_it_does_not_exist(tmp_path, stable):
    write_projection(tmp_path / "var" / "releases", stable)
    assert stable == read_projection(tmp_path / "var" / "releases").stable


def test_a_candidate_that_is_gone_is_not_read(tmp_path, stable, candidate):
    write_projection(tmp_path, stable, candidate, 10)
    write_projection(tmp_path, candidate)
    read = read_projection(tmp_path)
    assert (candidate, None, 0.0) == (read.stable, read.candidate, read.percent)


def test_the_folder_looks_like_a_volume_of_the_kubelet(tmp_path, stable, candidate):
    write_projection(tmp_path, stable, candidate)
    assert str((tmp_path / "stable.json").readlink()) == "..data/stable.json"
    assert (tmp_path / "stable.json").read_bytes() == stable.canonical
    assert (tmp_path / "..data").is_symlink()


def test_nothing_is_left_of_earlier_states(tmp_path, stable, candidate):
    (tmp_path / "..left-by-a-writer-that-died").mkdir()
    for _ in range(3):
        write_projection(tmp_path, stable, candidate)
    write_projection(tmp_path, stable)
    names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".."))
    folders = [path for path in tmp_path.glob("..*") if not path.is_symlink()]
    assert (names, len(folders)) == (["split.json", "stable.json"], 1)


def test_an_empty_folder_is_not_ready(tmp_path):
    with pytest.raises(NotReadyError):
        read_projection(tmp_path)


def test_a_folder_without_a_stable_release_is_not_ready(tmp_path, stable):
    write_projection(tmp_path, stable)
    (tmp_path / "stable.json").resolve().unlink()
    with pytest.raises(NotReadyError):
        read_projection(tmp_path)


def test_a_candidate_that_cannot_be_read_leaves_the_stable_release_served(
    tmp_path, stable, candidate
):
    write_projection(tmp_path, stable, candidate, 10)
    (tmp_path / "candidate.json").resolve().write_text('{"format": "sentinel.dev/release/v2"}')
    read = read_projection(tmp_path)
    assert (stable, None) == (read.stable, read.candidate)
    assert read.candidate_error.reason == "ReleaseUnreadable"


def test_a_stable_release_that_cannot_be_read_is_refused(tmp_path, stable):
    write_projection(tmp_path, stable)
    (tmp_path / "stable.json").resolve().write_text("{}")
    with pytest.raises(ReleaseError) as caught:
        read_projection(tmp_path)
    assert caught.value.reason == "ReleaseUnreadable"


@pytest.mark.parametrize("text", ["", "5", "{}", '{"percent": 101}', '{"percent": "5"}'])
def test_a_split_that_is_no_share_is_refused(tmp_path, stable, text):
    write_projection(tmp_path, stable)
    (tmp_path / "split.json").resolve().write_text(text)
    with pytest.raises(ReleaseError) as caught:
        read_projection(tmp_path)
    assert caught.value.reason == "SplitUnreadable"


def test_a_release_that_cannot_be_read_is_named_by_its_bytes(tmp_path, stable, candidate):
    write_projection(tmp_path, stable, candidate, 10)
    text = b'{"format": "sentinel.dev/release/v2"}'
    (tmp_path / "candidate.json").resolve().write_bytes(text)
    assert read_projection(tmp_path).candidate_error.digest == digest_bytes(text)


def test_the_rows_of_lists_lie_beside_the_releases(tmp_path, compiled):
    write_projection(tmp_path, compiled.release, blobs=compiled.blobs)
    blobs = read_projection(tmp_path).blobs
    assert compiled.blobs == {digest: rows_of(blobs, digest) for digest in compiled.blobs}


def test_every_file_could_be_the_key_of_a_config_map(compiled, candidate):
    files = projection_files(compiled.release, candidate, 10, compiled.blobs)
    assert len(files) == 3 + len(compiled.blobs)
    assert [n for n in files if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", n)] == []


def test_a_config_map_is_given_every_file_as_text(compiled, candidate):
    files = projection_files(compiled.release, candidate, 10, compiled.blobs)
    assert {name: data.decode() for name, data in files.items()} == config_map_data(files)


@pytest.mark.parametrize(("size_bytes", "fits"), [(1024 * 1024, True), (1024 * 1024 + 1, False)])
def test_what_a_config_map_does_not_hold_is_refused(size_bytes, fits):
    files = {"stable.json": b"{}", f"list-{'0' * 64}.json": b" " * (size_bytes - 2)}
    if fits:
        assert set(files) == set(config_map_data(files))
        return
    with pytest.raises(ReleaseError) as caught:
        config_map_data(files)
    assert caught.value.reason == "ProjectionTooLarge"
    assert f"{size_bytes} bytes, {size_bytes - 2} of them rows" in caught.value.message


def test_rows_go_with_the_release_that_brought_them(tmp_path, compiled, stable):
    write_projection(tmp_path, compiled.release, blobs=compiled.blobs)
    write_projection(tmp_path, stable)
    names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".."))
    assert (read_projection(tmp_path).blobs, names) == ({}, ["split.json", "stable.json"])


def test_rows_that_are_not_there_are_refused_by_reason():
    with pytest.raises(ReleaseError) as caught:
        rows_of({}, digest_bytes(b"rows"))
    assert caught.value.reason == "ListMissing"


def test_rows_that_are_not_what_their_name_says_are_refused_by_reason(tmp_path, compiled):
    digest = next(iter(compiled.blobs))
    write_projection(tmp_path, compiled.release, blobs=compiled.blobs | {digest: b"[]"})
    with pytest.raises(ReleaseError) as caught:
        rows_of(read_projection(tmp_path).blobs, digest)
    assert caught.value.reason == "ListDamaged"


def test_a_volume_of_the_kubelet_is_read(tmp_path, stable, candidate):
    KubeletVolume(tmp_path).write(projection_files(stable, candidate, 5))
    read = read_projection(tmp_path)
    assert (stable, candidate, 5.0) == (read.stable, read.candidate, read.percent)


def test_a_volume_of_a_config_map_that_does_not_exist_yet_is_not_ready(tmp_path):
    KubeletVolume(tmp_path).write({})
    with pytest.raises(NotReadyError):
        read_projection(tmp_path)
