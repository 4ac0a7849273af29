"""What an image is made of, and so when it is built again."""

from __future__ import annotations

import pytest

from tests.cluster.build_load.builders import parse_size
from tests.cluster.build_load.images import IMAGES, ROOT, copied_files, inputs_digest

DOCKERFILE = """ARG BASE_IMAGE=python
FROM ${BASE_IMAGE} AS libraries
COPY locks/one.txt locks/two.txt locks/
COPY package package
FROM ${BASE_IMAGE}
COPY --from=libraries /opt /opt
"""


@pytest.fixture
def context(tmp_path):
    for name in ("locks/one.txt", "locks/two.txt", "package/a.py", "package/b/c.py", "other/d.py"):
        path = tmp_path / "context" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path / "context"


def digest(context, base="base"):
    return inputs_digest(context.parent / "Dockerfile", context, base)


def test_files_are_those_that_are_copied_from_the_context(context):
    copied = copied_files(DOCKERFILE, context)
    assert [path.relative_to(context).as_posix() for path in copied] == [
        "locks/one.txt", "locks/two.txt", "package/a.py", "package/b/c.py",
    ]  # fmt: skip


def test_what_python_compiled_is_no_input(context):
    before = digest(context)
    (context / "package/__pycache__").mkdir()
    (context / "package/__pycache__/a.pyc").write_text("compiled")
    assert before == digest(context)


def test_a_file_that_no_image_copies_changes_nothing(context):
    before = digest(context)
    (context / "other/d.py").write_text("changed")
    assert before == digest(context)


@pytest.mark.parametrize("name", ["locks/two.txt", "package/b/c.py", "../Dockerfile"])
def test_a_changed_file_is_another_image(context, name):
    before = digest(context)
    (context / name).write_text((context / name).read_text() + "# changed\n")
    assert before != digest(context)


def test_a_renamed_file_is_another_image(context):
    before = digest(context)
    (context / "package/a.py").rename(context / "package/z.py")
    assert before != digest(context)


def test_another_base_is_another_image(context):
    assert digest(context, "base") != digest(context, "another")


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_image_copies_something_that_is_there(image):
    if image.programs:
        assert f"COPY {image.programs[0]} /" in image.dockerfile.read_text()
    else:
        assert copied_files(image.dockerfile.read_text(), ROOT)


@pytest.mark.parametrize("image", [i for i in IMAGES if not i.programs], ids=lambda i: i.name)
def test_what_an_image_copies_is_let_through_to_the_build(image):
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        path.relative_to(ROOT).parts[0] for path in copied_files(image.dockerfile.read_text(), ROOT)
    }
    assert {name for name in copied if f"!{name}" not in ignore} <= {"requirements"}
    assert "!requirements/*.txt" in ignore


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_runs_as_a_user_that_is_not_root_and_is_a_number(image):
    assert "\nUSER 65532:65532\n" in image.dockerfile.read_text()


@pytest.mark.parametrize(
    ("text", "size"), [("666 MB", 666_000_000), ("1.93 GB", 1_930_000_000), ("980 B", 980)]
)
def test_the_size_that_buildah_says_is_read_in_bytes(text, size):
    assert size == parse_size(text)
