"""The images of the product: what each is made of, and building it where that has changed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.cluster.build_load.builders import Builder
from tests.setup.cache import program

ROOT = Path(__file__).parents[3]
REPOSITORY = "sentinel.local"
TAGS = (version("sentinel"), "dev")
"""The first is what the chart asks for by itself, the second what an operator without a chart does."""
_NOT_COPIED = {"__pycache__"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image that ``images/<name>/Dockerfile`` describes.

    Attributes
    ----------
    programs : of the cache, which make up the whole context; none: the context is the checkout
    in_cluster : whether something in the cluster runs it
    """

    name: str
    programs: tuple[str, ...] = ()
    in_cluster: bool = True

    @property
    def references(self) -> tuple[str, ...]:
        """Return the names under which a cluster finds it."""
        return tuple(f"{REPOSITORY}/{self.name}:{tag}" for tag in TAGS)

    @property
    def dockerfile(self) -> Path:
        """Where it is described."""
        return ROOT / "images" / self.name / "Dockerfile"

    @contextmanager
    def context(self) -> Iterator[Path]:
        """Give the folder that its COPY instructions are about."""
        if not self.programs:
            yield ROOT
            return
        with tempfile.TemporaryDirectory(prefix="sentinel-image-") as folder:
            for name in self.programs:
                shutil.copy2(program(name), Path(folder, name))
            yield Path(folder)


IMAGES = (
    Image("operator"),
    Image("bento"),
    # Models are trained outside of the cluster.
    Image("pipelines", in_cluster=False),
    Image("model-store", programs=("versitygw",)),
)


@dataclass(frozen=True, slots=True)
class Built:
    """An image that is there.

    Attributes
    ----------
    inputs : digest of all that it was made from
    """

    image: Image
    inputs: str


def build_images(builder: Builder, images: Sequence[Image] = IMAGES) -> list[Built]:
    """Build what has changed since it was last built here, and print sizes and times.

    Raises
    ------
    HarnessError
        A build failed. Retryable where the package index did not answer.
    """
    builder.prepare()
    return [_build(builder, image) for image in images]


def _build(builder: Builder, image: Image) -> Built:
    started = time.monotonic()
    with image.context() as context:
        inputs = inputs_digest(image.dockerfile, context, builder.base)
        current = builder.inputs_of(image.references[0]) == inputs
        if not current:
            print(f"Building {image.references[0]} ...", flush=True)
            builder.build(image.references, image.dockerfile, context, inputs)
    took = "unchanged" if current else f"built in {time.monotonic() - started:.0f} s"
    size_mb = builder.size_bytes(image.references[0]) / 1e6
    print(f"{image.references[0]}: {size_mb:.0f} MB, {took}", flush=True)
    return Built(image, inputs)


def inputs_digest(dockerfile: Path, context: Path, base: str) -> str:
    """Return a digest of everything that an image is made of.

    Parameters
    ----------
    base : what names the content of the base image
    """
    text = dockerfile.read_text("utf-8")
    total = hashlib.sha256(f"{base}\0{text}\0".encode())
    for path in copied_files(text, context):
        content = path.read_bytes()
        total.update(f"{path.relative_to(context).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def copied_files(dockerfile: str, context: Path) -> list[Path]:
    """Return the files of the context that a Dockerfile copies, in a stable order."""
    found = set()
    for line in dockerfile.splitlines():
        words = line.split()
        if words[:1] != ["COPY"] or words[1].startswith("--from="):
            continue
        for source in words[1:-1]:
            path = context / source
            found.update([path] if path.is_file() else _files_below(path))
    return sorted(found)


def _files_below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not _NOT_COPIED.intersection(path.parts):
            yield path
