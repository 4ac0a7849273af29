"""Child processes that are watched: how long they take, how much processor and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.record import ROOT

MIB = 1024 * 1024
WATCH_SECONDS = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a child process did.

    Attributes
    ----------
    cpu_seconds : of it and of its own children, user and system
    peak_rss_mib : most that it and its children held together, looked at ten times a second
    """

    output: str
    seconds: float
    cpu_seconds: float
    peak_rss_mib: float


def run_watched(command: Sequence[str]) -> Watched:
    """Run a command in the repository's root to its end.

    The peak is read from /proc and not from ``wait4``: the kernel counts into that what the parent
    held when it forked.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=ROOT)
        peak_bytes, ended = 0, 0
        while not ended:
            peak_bytes = max(peak_bytes, sum(peak_rss_bytes(pid) for pid in tree(process.pid)))
            time.sleep(WATCH_SECONDS)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        assert process.returncode == 0, errors.read()
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Watched(output.read(), seconds, cpu_seconds, peak_bytes / MIB)


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it, as far as they are there."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and the processes it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds_of(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used so far, user and system."""
    ticks = 0
    for pid in pids:
        # The name in parentheses may hold spaces; utime and stime are the 12th and 13th after it.
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / _TICKS


def rss_bytes(pid: int) -> int:
    """Return what a process holds now; 0 when it is gone."""
    return _status_bytes(pid, "VmRSS")


def peak_rss_bytes(pid: int) -> int:
    """Return the most that a process has held; 0 when it is gone."""
    return _status_bytes(pid, "VmHWM")


def _status_bytes(pid: int, name: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0
