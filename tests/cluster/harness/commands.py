"""Running programs of others to their end: where they fail, their words and what to do next."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from tests.setup.cache import program
from tests.setup.errors import HarnessError

_LAST_LINES = 30


def run(command: Sequence[object], *, user_action: str, shown: bool = False) -> str:
    """Run a program and return what it wrote to its standard output.

    Parameters
    ----------
    user_action : what the reader should do when it fails
    shown : let it write to the terminal as it goes instead; then nothing is returned

    Raises
    ------
    HarnessError
        It is not installed, or ended with another code than 0; with its last lines.
    """
    name, *arguments = map(str, command)
    words = [str(program(name)), *arguments]
    ran = subprocess.run(words, capture_output=not shown, text=True, check=False)
    if ran.returncode != 0:
        said = "" if shown else (ran.stdout + ran.stderr).strip()
        last = "\n".join(said.splitlines()[-_LAST_LINES:])
        raise HarnessError(
            f"{shlex.join([name, *arguments])} ended with code {ran.returncode}:\n{last}\n",
            user_action=user_action,
        )
    return ran.stdout or ""
