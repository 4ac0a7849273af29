"""Building the Bentos from the code that runs this command.

The two packages travel inside a Bento as its sources (BentoML takes no wheels of ours), so a Bento
serves what it was built from, whatever is installed beside it. Its version is a digest of its
sources, so that an unchanged one is built once.

``python -m sentinel_bentos.build DIR`` puts every Bento into a folder of its name under DIR; images
are made of these.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sentinel_bentos
import sentinel_core
from sentinel_core.errors import ConfigurationError, SentinelError

DECISION = "decision"
VERSION_DIGITS = 16
"""Digits of the digest in a version: 64 bits, far beyond the number of builds on one machine."""

_BENTOFILE = "bentofile.yaml"
_PACKAGES = (sentinel_core, sentinel_bentos)
_BUILDERS = frozenset({"uv"})
"""What builds a Bento and is imported by none: an image of a Bento does without."""
_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class Bento:
    """A built Bento in the store of a BentoML home.

    Attributes
    ----------
    tag : ``name:version``, as ``bentoml serve`` takes it
    folder : where it lies; the code that serves is in ``src``
    """

    tag: str
    folder: Path


def bento_environment(home: Path) -> dict[str, str]:
    """Return the environment for BentoML's commands: its home, and nothing that reports home."""
    return os.environ | {
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "ORT_DISABLE_TELEMETRY": "1",
        # BentoML looks for uv on the path; it stands beside the interpreter.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def bento_names() -> tuple[str, ...]:
    """Return the names of the Bentos: the folders of this package that have a bentofile."""
    package = Path(str(sentinel_bentos.__file__)).parent
    return tuple(sorted(path.parent.name for path in package.glob(f"*/{_BENTOFILE}")))


def find_or_build(home: Path, name: str = DECISION) -> tuple[Bento, bool]:
    """Return the Bento of the code as it is, and whether it had to be built (about ten seconds).

    Parameters
    ----------
    home : Path
        BentoML's home, whose store takes the Bento.
    name : str
        One of `bento_names`.

    Raises
    ------
    ConfigurationError
        uv is missing. Retryable: no.
    SentinelError
        ``bentoml build`` failed; the message has its last lines. Retryable: no.
    """
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sentinel-bento-") as folder:
        context = Path(folder)
        _stage(context, name)
        version = _digest(context)[:VERSION_DIGITS]
        tag = f"sentinel_{name}"
        bento = Bento(f"{tag}:{version}", home / "bentos" / tag / version)
        if (bento.folder / "bento.yaml").is_file():
            return bento, False
        _build(context, version, home)
    return bento, True


def build_all(target: Path) -> dict[str, Path]:
    """Build every Bento into a folder of its name, which must not be there yet.

    Raises as `find_or_build`.
    """
    folders = {name: target / name for name in bento_names()}
    with tempfile.TemporaryDirectory(prefix="sentinel-bentoml-") as home:
        for name, folder in folders.items():
            shutil.copytree(find_or_build(Path(home), name)[0].folder, folder)
    return folders


def _stage(context: Path, name: str) -> None:
    """Put what a Bento is made of into one folder: the packages may lie in different places."""
    for package in _PACKAGES:
        source = Path(str(package.__file__)).parent
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, context / source.name, ignore=ignore)
    shutil.copy(context / "sentinel_bentos" / name / _BENTOFILE, context / _BENTOFILE)
    (context / "requirements.txt").write_text("".join(f"{pin}\n" for pin in _pins()))


def _pins() -> list[str]:
    """Return the versions of everything that the server imports, as they are installed here."""
    pins: dict[str, str] = {}
    _collect("sentinel", frozenset({"bentos"}), pins, set())
    return sorted(f"{name}=={version}" for name, version in pins.items())


def _collect(
    name: str, extras: frozenset[str], pins: dict[str, str], seen: set[tuple[str, frozenset[str]]]
) -> None:
    if (name, extras) in seen or name in _BUILDERS:
        return
    seen.add((name, extras))
    found = distribution(name)
    if name != "sentinel":
        pins[name] = found.version
    for text in found.requires or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in (*extras, "")):
            _collect(canonicalize_name(needed.name), frozenset(needed.extras), pins, seen)


def _digest(context: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in context.rglob("*") if p.is_file()):
        data = path.read_bytes()
        total.update(f"{path.relative_to(context).as_posix()}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def _build(context: Path, version: str, home: Path) -> None:
    environment = bento_environment(home)
    if shutil.which("uv", path=environment["PATH"]) is None and find_spec("uv") is None:
        # BentoML would install it by itself, from the network.
        raise ConfigurationError(
            "A Bento is built with uv, which is not installed.", user_action="Run pip install uv."
        )
    command = [sys.executable, "-m", "bentoml", "build", "--version", version, str(context)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, and arguments that we made
        command, cwd=context, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).splitlines()[-_LAST_LINES:]
        raise SentinelError(
            "bentoml build failed:\n" + "\n".join(lines) + "\n",
            user_action="Mend what its last lines name.",
        )


def main() -> None:
    """Build every Bento into the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m sentinel_bentos.build", description="Build every Bento into DIR/NAME."
    )
    parser.add_argument("target", metavar="DIR", type=Path)
    target: Path = parser.parse_args().target
    try:
        built = build_all(target)
    except SentinelError as error:
        sys.exit(str(error))
    sys.stdout.writelines(f"{name}: {folder}\n" for name, folder in built.items())


if __name__ == "__main__":
    main()
