"""Programs in the background, known by a file that outlives whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.setup.cache import program
from tests.setup.errors import HarnessError

LAST_LINES = 15
STOP_SECONDS = 15
"""Until a program that was asked to stop is killed."""
LOOK_SECONDS = 0.05


@dataclass(slots=True, kw_only=True)
class Daemon:
    """A program of ours.

    Its file holds pid and start time. A pid alone would not do: after a restart of the machine another
    program has it.

    Attributes
    ----------
    folder : its log goes to ``log/`` in here and its pid to ``run/``
    namespace : network namespace to run in, by name; empty for that of the machine
    tied : whether it ends when the process that started it ends, however that happens
    """

    name: str
    command: Sequence[str]
    folder: Path
    namespace: str = ""
    tied: bool = False
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def log(self) -> Path:
        """File with what it printed since it was last started."""
        return self.folder / "log" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """File with pid and start time."""
        return self.folder / "run" / f"{self.name}.pid"

    def start(self) -> None:
        """Start it in a session of its own, so that no terminal's signals reach it."""
        for path in (self.log, self.pid_file):
            path.parent.mkdir(parents=True, exist_ok=True)
        first, *arguments = self.command
        command = [*self._prefix(), str(program(first)), *arguments]
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = _start_ticks(self._child.pid)
        self.pid_file.write_text(f"{self._child.pid} {started}")

    def _prefix(self) -> list[str]:
        prefix = []
        if self.tied:
            prefix += [str(program("setpriv")), "--pdeathsig", "KILL"]
        if self.namespace:
            # Not `ip netns exec`: that mounts another /sys, which hides the cgroups.
            prefix += [str(program("nsenter")), f"--net=/run/netns/{self.namespace}"]
        return prefix

    @property
    def pid(self) -> int | None:
        """Its pid while it runs, else None."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        try:
            pid, started = map(int, self.pid_file.read_text().split())
        except (FileNotFoundError, ValueError):
            return None
        return pid if _start_ticks(pid) == started else None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs: SIGSTOP freezes it, SIGCONT lets it go on."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it and wait until it is gone: servers hold their ports until the very end."""
        self.send(signal.SIGKILL if kill else signal.SIGTERM)
        self.send(signal.SIGCONT)
        until = time.monotonic() + STOP_SECONDS
        while self.pid is not None:
            if time.monotonic() > until:
                self.send(signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def last_lines(self) -> str:
        """Return the end of its log, with the place of the whole."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        except FileNotFoundError:
            return f"{self.name} wrote no log."
        return "\n".join([f"The last lines of {self.log}:", *(f"  {line}" for line in lines)])


def _start_ticks(pid: int) -> int | None:
    """Return when a process began, in ticks since the machine's start; None for the dead."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # State and start time are the 3rd and the 22nd field of proc(5), 1st and 20th after the name.
    return None if after_name[0] in "ZX" else int(after_name[19])


def wait_for(
    check: Callable[[], bool], what: str, *, of: Sequence[Daemon], patience_seconds: float = 90
) -> None:
    """Wait until something holds.

    Parameters
    ----------
    what : to be said when it does not come, such as ``"the API server answers"``
    of : the programs that it depends on; when one ends there is nothing to wait for

    Raises
    ------
    HarnessError
        A program ended, or patience did; with the end of the logs.
    """
    until = time.monotonic() + patience_seconds
    while not check():
        ended = [daemon for daemon in of if daemon.pid is None]
        if ended:
            raise HarnessError(
                f"{ended[0].name} ended while waiting until {what}.\n{ended[0].last_lines()}\n",
                user_action="Mend what its log says and try again.",
            )
        if time.monotonic() > until:
            logs = "\n".join(daemon.last_lines() for daemon in of)
            raise HarnessError(
                f"After {patience_seconds:.0f} s it is still not so that {what}.\n{logs}\n",
                user_action="Look for the cause in the logs above and try again.",
            )
        time.sleep(LOOK_SECONDS)
