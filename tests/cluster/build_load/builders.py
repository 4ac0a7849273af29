"""Docker and buildah, either of which makes the images."""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.cluster.build_load.base_image import NAME as OWN_BASE
from tests.cluster.build_load.base_image import ensure_base
from tests.cluster.build_load.pip_settings import PipSettings, read_pip_settings
from tests.cluster.harness.commands import run
from tests.setup.cache import cache_root, find_program
from tests.setup.errors import HarnessError

INPUTS_LABEL = "dev.sentinel.inputs"
PUBLIC_BASE = "python:3.11-slim-bookworm"
_BUILD_ACTION = (
    "Mend what the last lines say. Where a package was not found: does `pip download` reach an index "
    "on this machine?"
)
_ENGINE_ACTION = "See whether the container engine works: docker info, or buildah info."


class Builder(Protocol):
    """Makes images and keeps them on this machine."""

    @property
    def base(self) -> str:
        """Name the content of the base image."""
        ...

    def prepare(self) -> None:
        """Have the base image."""
        ...

    def inputs_of(self, reference: str) -> str | None:
        """Return the digest of what an image was made from; None where there is no such image."""
        ...

    def build(
        self, references: Sequence[str], dockerfile: Path, context: Path, inputs: str
    ) -> None:
        """Make an image and give it its names."""
        ...

    def size_bytes(self, reference: str) -> int:
        """Return the size of an image, unpacked."""
        ...

    def save(self, references: Sequence[str], archive: Path) -> None:
        """Write an image under all its names into an archive that containerd can import."""
        ...

    def push_command(self, reference: str) -> str:
        """Return what a person types to push an image, with REGISTRY for the registry."""
        ...


def find_builder() -> Builder:
    """Return Docker where an engine answers, else buildah.

    Raises
    ------
    HarnessError
        There is neither.
    """
    if find_program("docker") is not None:
        answered = subprocess.run(["docker", "info"], capture_output=True, check=False)
        if answered.returncode == 0:
            return Docker()
    if find_program("buildah") is not None:
        return Buildah()
    raise HarnessError(
        "No Docker engine answers, and buildah is not installed.",
        user_action="Start a Docker engine, or run ./task setup:servers.",
    )


class Docker:
    """Images by a Docker engine with BuildKit, from the public base image."""

    base = PUBLIC_BASE

    def prepare(self) -> None:
        """Do nothing: a build pulls the base image."""

    def inputs_of(self, reference: str) -> str | None:
        """Return the label of an image."""
        return _label(["docker", "image", "inspect", reference], ("Config", "Labels"))

    def build(
        self, references: Sequence[str], dockerfile: Path, context: Path, inputs: str
    ) -> None:
        """Build with BuildKit. Raises `HarnessError`."""
        with _secrets(read_pip_settings()) as secrets:
            run(
                ["docker", "build", "--file", dockerfile, "--label", f"{INPUTS_LABEL}={inputs}",
                 *_tags(references), *secrets, context],
                user_action=_BUILD_ACTION,
            )  # fmt: skip

    def size_bytes(self, reference: str) -> int:
        """Ask the engine."""
        return int(run(
            ["docker", "image", "inspect", "--format", "{{.Size}}", reference],
            user_action=_ENGINE_ACTION,
        ))  # fmt: skip

    def save(self, references: Sequence[str], archive: Path) -> None:
        """Write a Docker archive."""
        run(["docker", "save", "--output", archive, *references], user_action="Make room.")

    def push_command(self, reference: str) -> str:
        """Return what gives the image the registry's name, and pushes it."""
        target = f"REGISTRY/{reference.partition('/')[2]}"
        return f"docker tag {reference} {target} && docker push {target}"


class Buildah:
    """Images without an engine and, with a base of our own, without a registry. Needs root."""

    @property
    def base(self) -> str:
        """Return the id of our base image."""
        return run(
            ["buildah", "images", "--quiet", "--no-trunc", OWN_BASE], user_action=_ENGINE_ACTION
        ).strip()

    def prepare(self) -> None:
        """Make the base image where it is not there yet."""
        ensure_base(cache_root() / "images")

    def inputs_of(self, reference: str) -> str | None:
        """Return the label of an image."""
        command = ["buildah", "inspect", "--type", "image", reference]
        return _label(command, ("OCIv1", "config", "Labels"))

    def build(
        self, references: Sequence[str], dockerfile: Path, context: Path, inputs: str
    ) -> None:
        """Build on the host's network and without containers of its own. Raises `HarnessError`."""
        settings = read_pip_settings()
        mounts = [word for path in settings.folders for word in ("-v", f"{path}:{path}:ro")]
        with _secrets(settings) as secrets:
            run(
                ["buildah", "bud", "--layers", "--isolation", "chroot", "--network", "host",
                 "--build-arg", f"BASE_IMAGE={OWN_BASE}", "--label", f"{INPUTS_LABEL}={inputs}",
                 "--file", dockerfile, *_tags(references), *secrets, *mounts, context],
                user_action=_BUILD_ACTION,
            )  # fmt: skip

    def size_bytes(self, reference: str) -> int:
        """Ask buildah, which rounds to three digits."""
        listed = run(["buildah", "images", "--json", reference], user_action=_ENGINE_ACTION)
        return parse_size(json.loads(listed)[0]["size"])

    def save(self, references: Sequence[str], archive: Path) -> None:
        """Write an OCI archive."""
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            run(
                ["buildah", "push", references[0], f"oci:{folder}"],
                user_action="Make room on the disk of the cache.",
            )
            _name(Path(folder, "index.json"), references)
            with tarfile.open(archive, "w") as packed:
                packed.add(folder, arcname=".")

    def push_command(self, reference: str) -> str:
        """Return what pushes the image under the registry's name."""
        return f"buildah push {reference} docker://REGISTRY/{reference.partition('/')[2]}"


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``666 MB``."""
    number, unit = text.split()
    return int(float(number) * 1000 ** ("B", "KB", "MB", "GB").index(unit.upper()))


def _name(index: Path, references: Sequence[str]) -> None:
    """Write the names of the one image of an OCI layout, where containerd looks for them."""
    document = json.loads(index.read_text())
    (manifest,) = document["manifests"]
    document["manifests"] = [
        manifest | {"annotations": {"io.containerd.image.name": reference}}
        for reference in references
    ]
    index.write_text(json.dumps(document))


def _label(command: Sequence[str], place: Sequence[str]) -> str | None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        return None  # there is no such image
    found = json.loads(ran.stdout)
    found = found[0] if isinstance(found, list) else found
    for key in place:
        found = found.get(key) or {}
    label = found.get(INPUTS_LABEL)
    return None if label is None else str(label)


def _tags(references: Sequence[str]) -> list[str]:
    return [word for reference in references for word in ("--tag", reference)]


@contextmanager
def _secrets(settings: PipSettings) -> Iterator[list[str]]:
    """Give the options that show a build the settings of this machine's pip."""
    with tempfile.TemporaryDirectory(prefix="sentinel-pip-") as folder:
        configuration = Path(folder, "pip.conf")
        configuration.touch(mode=0o600)
        configuration.write_text(settings.text)
        options = ["--secret", f"id=pip.conf,src={configuration}"]
        if settings.certificates is not None:
            options += ["--secret", f"id=ca.crt,src={settings.certificates}"]
        yield options
