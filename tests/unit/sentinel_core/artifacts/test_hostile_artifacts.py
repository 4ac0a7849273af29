"""Hostile folders, tars, signatures and manifests: each is refused with its own reason."""

import io
import os
import pickle
import tarfile
import tracemalloc

import pytest

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.ids import digest_bytes
from tests.support.artifacts import pack_tar, write_small_artifact
from tests.support.hostile import (
    edit_manifest,
    member,
    reason_of,
    tar_of,
)


@pytest.fixture
def folder(tmp_path):
    write_small_artifact(tmp_path / "model")
    return tmp_path / "model"


def test_nothing_there(tmp_path):
    assert reason_of(tmp_path / "none") == "ArtifactMissing"


def test_an_empty_folder(tmp_path):
    assert reason_of(tmp_path) == "NotAnArtifact"


def test_a_file_that_is_no_tar(tmp_path):
    (tmp_path / "model.tar").write_bytes(pickle.dumps({"model": 1}) * 400)
    assert reason_of(tmp_path / "model.tar") == "NotAnArtifact"


def test_a_compressed_tar_which_could_unfold_to_any_size(folder):
    path = folder.parent / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, ".")
    assert reason_of(path) == "NotAnArtifact"


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "explainer/../../evil", "..\\evil", "C:evil"]
)
def test_a_tar_member_that_points_out(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "PathEscape"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_a_tar_member_that_is_no_plain_file(folder, kind):
    assert reason_of(tar_of(folder, (member("extra", kind, "card.md"), b""))) == "ForbiddenFile"


def test_a_tar_with_one_name_twice(folder):
    assert reason_of(tar_of(folder, (member("./model.onnx"), b"other"))) == "DuplicateFile"


@pytest.mark.parametrize("name", ["card.md/inner", "explainer"])
def test_a_tar_with_a_file_where_a_folder_is(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "DuplicateFile"


@pytest.mark.parametrize("name", [".", "", ".hidden", "a/b/c", "card.md\n", "-rf"])
def test_a_tar_member_with_a_name_that_no_artifact_uses(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "ForbiddenFile"


def test_a_tar_with_more_entries_than_an_artifact_has(folder):
    many = [(member(f"extra/{n}"), b"") for n in range(200)]
    assert reason_of(tar_of(folder, *many)) == "ArtifactTooLarge"


@pytest.mark.parametrize("kept", [700, 5_000, -600])
def test_a_tar_that_breaks_off(folder, kept):
    path = tar_of(folder)
    path.write_bytes(path.read_bytes()[:kept])
    assert reason_of(path) == "Truncated"


def test_a_tar_header_that_promises_more_than_there_is(folder):
    data = bytearray(pack_tar(folder))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        last = archive.getmembers()[-1]
    last.size = 50_000_000
    data[last.offset : last.offset + 512] = last.tobuf(tarfile.USTAR_FORMAT)
    (folder.parent / "model.tar").write_bytes(data)
    assert reason_of(folder.parent / "model.tar") == "NotAnArtifact"


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "1,x"},
        {"GNU.sparse.size": "x"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
    ],
)
def test_a_tar_header_with_a_number_that_is_none(folder, headers):
    bent = member("extra")
    bent.pax_headers = headers
    assert reason_of(tar_of(folder, (bent, b"x"))) == "NotAnArtifact"


def test_tar_headers_that_extend_headers_without_end(folder):
    path = tar_of(folder, *[(member("x", tarfile.GNUTYPE_LONGNAME), b"x")] * 2_000)
    assert reason_of(path) == "NotAnArtifact"


def test_a_tar_header_with_a_size_below_nothing(folder):
    below = member("x", tarfile.GNUTYPE_LONGNAME)
    below.size = -1024
    data = below.tobuf(tarfile.GNU_FORMAT) + pack_tar(folder)
    (folder.parent / "model.tar").write_bytes(data)
    assert reason_of(folder.parent / "model.tar") == "NotAnArtifact"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_header_that_would_fill_the_memory(folder, kind):
    path = tar_of(folder, (member("x", kind), bytes(100_000)))
    assert reason_of(path) == "ArtifactTooLarge"


def test_of_a_tar_only_its_files_are_in_memory(folder):
    size_bytes = 8 * 1024 * 1024
    path = tar_of(folder, (member("extra"), bytes(size_bytes)))
    tracemalloc.start()
    assert reason_of(path) == "UnlistedFile"
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size_bytes < peak_bytes < 1.5 * size_bytes


def test_a_link_in_a_folder(folder):
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to("/etc/hostname")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_linked_folder_in_a_folder(folder):
    (folder / "extra").symlink_to("/etc")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_named_pipe_does_not_hold_the_reader(folder):
    (folder / "card.md").unlink()
    os.mkfifo(folder / "card.md")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_named_pipe_in_place_of_a_tar_does_not_hold_the_reader(tmp_path):
    os.mkfifo(tmp_path / "model.tar")
    assert reason_of(tmp_path / "model.tar") == "ForbiddenFile"


def test_a_file_over_its_limit(folder):
    limits = Limits(max_file_bytes=1000)
    assert reason_of(folder, limits=limits) == "ArtifactTooLarge"
    assert reason_of(tar_of(folder), limits=limits) == "ArtifactTooLarge"


def test_files_over_the_limit_for_all(folder):
    assert reason_of(folder, limits=Limits(max_total_bytes=3000)) == "ArtifactTooLarge"
    limits = Limits(max_total_bytes=0)
    (folder.parent / "model.tar").write_bytes(pack_tar(folder) + bytes(1_000_000))
    assert reason_of(folder.parent / "model.tar", limits=limits) == "ArtifactTooLarge"


def test_a_huge_manifest(folder):
    (folder / "manifest.json").write_bytes(b" " * (1024 * 1024 + 1))
    assert reason_of(folder) == "ArtifactTooLarge"


# Digests and signatures


def test_another_artifact_than_the_release_names(folder):
    assert reason_of(folder, digest_bytes(b"another")) == "DigestMismatch"


def test_a_file_that_was_exchanged(folder):
    data = bytearray((folder / "model.onnx").read_bytes())
    data[100] ^= 1
    (folder / "model.onnx").write_bytes(data)
    assert reason_of(folder) == "DigestMismatch"


def test_a_file_that_was_cut_short(folder):
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[:-1])
    assert reason_of(folder) == "Truncated"


def test_a_file_that_grew(folder):
    (folder / "card.md").write_bytes((folder / "card.md").read_bytes() + b"more")
    assert reason_of(folder) == "DigestMismatch"


def test_a_file_that_the_manifest_does_not_list(folder):
    (folder / "setup.py").write_text("import os")
    assert reason_of(folder) == "UnlistedFile"


def test_a_listed_file_that_is_not_there(folder):
    (folder / "card.md").unlink()
    assert reason_of(folder) == "MissingFile"


def test_no_signature_where_a_key_is_set(folder):
    _, public = generate_key()
    assert reason_of(folder, None, public) == "SignatureMissing"


def test_a_signature_of_another_key(tmp_path):
    private, _ = generate_key()
    _, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


def test_a_signature_of_another_manifest(tmp_path):
    private, public = generate_key()
    write_small_artifact(tmp_path / "one", private_key_pem=private)
    write_small_artifact(tmp_path / "other", private_key_pem=private, version="2")
    (tmp_path / "one/SIGNATURE").write_bytes((tmp_path / "other/SIGNATURE").read_bytes())
    assert reason_of(tmp_path / "one", None, public) == "SignatureInvalid"


@pytest.mark.parametrize(
    "signature",
    [
        b"", b"{}", b"[" * 4000, b'{"algorithm":"none","keyId":"","signature":""}',
        b'{"algorithm":"Ed25519","keyId":"a","signature":"!","x":1}',
    ],
)  # fmt: skip
def test_a_signature_file_that_is_none(tmp_path, signature):
    private, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    (tmp_path / "model/SIGNATURE").write_bytes(signature)
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


def test_a_public_key_that_is_none(folder):
    assert reason_of(folder, None, b"-----BEGIN PUBLIC KEY-----") == "KeyInvalid"


def test_a_forged_manifest_is_not_even_parsed_where_a_key_is_set(tmp_path):
    private, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    (tmp_path / "model/manifest.json").write_bytes(b"not JSON")
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


# The manifest


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"name":NaN}', b'{"a":1e999}',
        b'{"rows":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_manifest_that_is_none(folder, data):
    (folder / "manifest.json").write_bytes(data)
    assert reason_of(folder) == "ManifestInvalid"


def test_a_manifest_in_another_spelling(folder):
    data = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(data + b"\n")
    assert reason_of(folder) == "ManifestInvalid"


def test_a_manifest_with_a_doubled_key(folder):
    data = (folder / "manifest.json").read_bytes()
    doubled = data.replace(b'"task":', b'"task":"Other","task":')
    (folder / "manifest.json").write_bytes(doubled)
    assert reason_of(folder) == "ManifestInvalid"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda m: m.update(surprise=1), id="unknown field"),
        pytest.param(lambda m: m.update(name="x" * 10_000), id="long name"),
        pytest.param(lambda m: m.update(name="../evil"), id="name that is a path"),
        pytest.param(lambda m: m.update(task="Regression"), id="another task"),
        pytest.param(lambda m: m.update(inputs=[]), id="no inputs"),
        pytest.param(lambda m: m["inputs"].append(m["inputs"][0]), id="one input twice"),
        pytest.param(lambda m: m["inputs"][0].update(dtype="float64"), id="another type"),
        pytest.param(lambda m: m["trainingData"].update(frauds=10_000), id="more frauds than rows"),
        pytest.param(lambda m: m["trainingData"].update(rows="1000"), id="number as text"),
        pytest.param(lambda m: m["calibration"].update(a=-1.0), id="falling calibration"),
        pytest.param(lambda m: m["files"].pop("probe.json"), id="no probe listed"),
        pytest.param(
            lambda m: m["files"].update({"../evil": m["files"]["card.md"]}), id="file that escapes"
        ),
        pytest.param(
            lambda m: m["files"].update({"SIGNATURE": m["files"]["card.md"]}), id="lists SIGNATURE"
        ),
        pytest.param(
            lambda m: m.update(lineage={str(n): "x" for n in range(65)}), id="too many texts"
        ),
    ],
)
def test_a_manifest_that_breaks_a_rule(folder, edit):
    assert reason_of(edit_manifest(folder, edit)) == "ManifestInvalid"


def test_reading_leaves_nothing_behind(folder, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = sorted(path for path in tmp_path.rglob("*"))
    assert reason_of(folder, digest_bytes(b"another")) == "DigestMismatch"
    LoadedModel(read_artifact(folder))
    assert sorted(path for path in tmp_path.rglob("*")) == before
