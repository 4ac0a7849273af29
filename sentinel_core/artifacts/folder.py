"""Write a folder that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


def write_folder(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write into a hidden folder beside the target, then give it the name in one step.

    Raises
    ------
    FileExistsError
        The target is there already, and stays as it is.
    """
    if directory.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(directory))
    with _staged(directory, files) as staging:
        _take_name(staging, directory)


def replace_folder(directory: Path, files: Mapping[str, bytes]) -> None:
    """Put a folder in the place of another, which is renamed out of the way first.

    Under its name stands the old one, none or the new one, each whole. One who opens its files while
    they change places may miss some, and finds that out by their digests. Of several that replace it
    at once one's stays.
    """
    with _staged(directory, files) as staging:
        aside = staging.with_name(f"{staging.name}.old")
        with suppress(FileNotFoundError):  # another has just put it out of the way
            directory.rename(aside)
        with suppress(FileExistsError):  # and has put its own in
            _take_name(staging, directory)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the hidden folders that processes left which ended in the middle of a write or a fetch.

    Assumes that nobody else writes or fetches into the folder meanwhile. What cannot be removed takes
    room and does no other harm.
    """
    for path in folder.glob(".*/"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _staged(directory: Path, files: Mapping[str, bytes]) -> Iterator[Path]:
    """Write the files into a hidden folder beside the target, which is gone unless it was renamed."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, data in files.items():
            path = staging / name
            path.parent.mkdir(exist_ok=True)
            _write_durably(path, data)
        # mkdtemp gives 0700; other users of the machine may serve what this one trains.
        staging.chmod(0o755)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _take_name(staging: Path, directory: Path) -> None:
    try:
        staging.rename(directory)
    except OSError as error:
        # Which of the two a file system answers is its own choice (POSIX, rename).
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(error.errno, error.strerror, str(directory)) from None
        raise


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
