"""Processes of pods, as the machine under the nodes sees them: to be killed and frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.missing import do_without

PROC = Path("/proc")


def processes_of(pod: Mapping[str, Any], command: str) -> list[int]:
    """Return the ids of a pod's processes whose command line has a word.

    The test goes no further where the nodes are not on this machine, or are not ours.
    """
    uid = pod["metadata"]["uid"]
    found = [
        int(process.name)
        for process in PROC.iterdir()
        if process.name.isdigit() and _is_in(process, uid) and command in _command_line(process)
    ]
    if not found:
        do_without(
            "The processes of pods cannot be reached from here: they need root and own nodes."
        )
    return found


def kill(pod: Mapping[str, Any], command: str) -> None:
    """End a pod's processes at once, so that none of them can do anything about it."""
    _send(processes_of(pod, command), signal.SIGKILL)


@contextmanager
def frozen(pod: Mapping[str, Any], command: str) -> Iterator[None]:
    """Freeze a pod's processes: they exist, and do nothing."""
    processes = processes_of(pod, command)
    _send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(processes, signal.SIGCONT)


def _send(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        os.kill(process, number)


def _is_in(process: Path, uid: str) -> bool:
    # By name pods are in groups such as /kubepods/pod<uid>, with systemd in pod<uid with _>.
    groups = _read(process / "cgroup")
    return f"pod{uid}" in groups or f"pod{uid.replace('-', '_')}" in groups


def _command_line(process: Path) -> str:
    return _read(process / "cmdline").replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # it ended meanwhile
