"""Write a folder that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
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
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, data in files.items():
            path = staging / name
            path.parent.mkdir(exist_ok=True)
            _write_durably(path, data)
        # mkdtemp gives 0700; other users of the machine may serve what this one trains.
        staging.chmod(0o755)
        _take_name(staging, directory)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


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
