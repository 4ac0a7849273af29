"""The release document: canonical, named by its content, read back whole."""

import json
import subprocess
import sys

import pytest

from sentinel_core.errors import ReleaseError
from sentinel_core.ids import digest_bytes
from sentinel_core.release import read_release
from tests.support.manifests import compile_files, read_sample


@pytest.fixture(scope="module")
def release():
    return compile_files(read_sample("card-payments")).release


def test_the_digest_names_the_canonical_bytes(release):
    assert digest_bytes(release.canonical) == release.digest


def test_a_release_is_read_back_whole(release):
    assert release == read_release(release.canonical)


def test_the_order_and_white_space_of_the_json_do_not_change_the_digest(release):
    plain = json.loads(release.canonical)
    text = json.dumps(dict(reversed(plain.items())), indent=4)
    assert release.digest == read_release(text).digest


def test_the_canonical_form_is_the_same_in_another_process(release, tmp_path):
    path = tmp_path / "release.json"
    path.write_bytes(release.canonical)
    program = (
        "import sys; from pathlib import Path; from sentinel_core.release import read_release; "
        "print(read_release(Path(sys.argv[1]).read_bytes()).digest)"
    )
    seeded = {"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)}
    printed = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        check=True, capture_output=True, text=True, env=seeded,
    ).stdout  # fmt: skip
    assert release.digest == printed.strip()


def test_a_copy_with_another_value_has_another_name(release):
    copied = release.model_copy(update={"budget_ms": release.budget_ms + 1})
    assert release.digest != copied.digest
    assert copied.digest == read_release(copied.canonical).digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "sentinel.dev/release/v2"}',
        "\ud800".encode("utf-16-le", "surrogatepass"),
    ],
)
def test_what_is_no_release_is_refused(text):
    with pytest.raises(ReleaseError) as caught:
        read_release(text)
    assert caught.value.reason == "ReleaseUnreadable"


def test_a_field_that_is_not_known_is_refused(release):
    plain = json.loads(release.canonical) | {"shadow": True}
    with pytest.raises(ReleaseError, match="shadow"):
        read_release(json.dumps(plain))


def test_compiling_needs_neither_numpy_nor_onnx_nor_sqlalchemy():
    program = (
        "import sys, sentinel_core.release, sentinel_core.resources; "
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'sqlalchemy', 'pyarrow'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout  # fmt: skip
    assert printed.strip() == "[]"
