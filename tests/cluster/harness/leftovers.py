"""Takes away what a cluster leaves on a machine, whether it was stopped or died.

Everything is found by where it is - our control groups, our folder in command lines and mounts - and
nothing by what a record of ours says: after a crash or a restart of the machine no record is right.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.harness.cgroups import remove_groups
from tests.cluster.harness.commands import run
from tests.cluster.harness.network import remove_network
from tests.setup.errors import HarnessError

PROGRAMS = {
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "containerd",
    "containerd-shim-runc-v2",
}
LOGS = "log"
"""Folder that stays, to be read after a failure; the next start empties it."""
RECORD = "cluster.json"
"""File that says what the folder is for, and stays too."""
GONE_SECONDS = 10
_CONTAINER_LINKS = Path("/var/log/containers")
"""Where every kubelet links the logs of its containers to."""


def remove_leftovers(state: Path) -> None:
    """End every process of the cluster in this folder, and remove all but its logs.

    Nobody is asked to end in good order: what they hold is thrown away.

    Raises
    ------
    HarnessError
        A process does not end or a mount does not go; nothing is removed below it then.
    """
    _kill_processes(state)
    remove_groups()
    _unmount(state)
    remove_network()
    _remove_links(state)
    _remove_shim_sockets(state)
    for path in state.iterdir() if state.exists() else ():
        if path.name not in {LOGS, RECORD}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _kill_processes(state: Path) -> None:
    until = time.monotonic() + GONE_SECONDS
    while pids := list(_processes(state)):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            raise HarnessError(
                f"Process {pids[0]} of the cluster does not end.",
                user_action=f"See what it waits for: cat /proc/{pids[0]}/stack",
            )
        time.sleep(0.02)


def _processes(state: Path) -> Iterator[int]:
    """Yield the cluster's programs and the shims of its containers, which outlive containerd."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            first, *arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            ours = any(f"{state}/" in argument for argument in arguments)
            if ours and Path(first).name in PROGRAMS:
                yield int(folder.name)


def _unmount(state: Path) -> None:
    for place in reversed(_mounts(state)):
        # Lazily: a mount that is busy for a moment more goes as soon as it is not.
        run(["umount", "--lazy", place], user_action=f"Unmount {place} by hand.")
    if left := _mounts(state):
        raise HarnessError(f"{left[0]} stays mounted.", user_action="Unmount it by hand.")


def _mounts(state: Path) -> list[str]:
    places = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    # The kernel writes a space in a path as \040.
    plain = (place.replace("\\040", " ") for place in places)
    return [place for place in plain if place.startswith(f"{state}/")]


def _remove_shim_sockets(state: Path) -> None:
    """Remove the sockets of containers' shims, which containerd puts outside of its own folders."""
    for address in state.glob("*/run/io.containerd.runtime.v2.task/*/*/address"):
        Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)


def _remove_links(state: Path) -> None:
    for link in _CONTAINER_LINKS.glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{state}/"):
            link.unlink()
