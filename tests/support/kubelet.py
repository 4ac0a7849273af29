"""A mounted volume, changed as the kubelet changes one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


class KubeletVolume:
    """A ConfigMap or Secret on a pod's disk.

    The order of the steps is that of the kubelet's atomic writer (pkg/volume/util/atomic_writer.go):
    the new folder, the rename of ``..data``, then the links by name, then the old folder goes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._generation = 0
        directory.mkdir(parents=True, exist_ok=True)

    def write(self, files: Mapping[str, bytes]) -> None:
        link = self._directory / "..data"
        old = link.resolve() if link.is_symlink() else None
        self._generation += 1
        folder = self._directory / f"..2026_11_21_06_00_00.{self._generation:010}"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        swap = self._directory / "..data_tmp"
        swap.symlink_to(folder.name)
        swap.replace(link)
        for path in self._directory.iterdir():
            if not path.name.startswith("..") and path.name not in files:
                path.unlink()
        for name in files:
            if not (self._directory / name).is_symlink():
                (self._directory / name).symlink_to(f"..data/{name}")
        if old is not None:
            shutil.rmtree(old)
