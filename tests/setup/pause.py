"""Builds the one program that is neither in Debian nor a Go module: what a pod's sandbox runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.setup.cache import binary_path
from tests.setup.errors import HarnessError

SOURCE = Path(__file__).with_name("pause.c")


def build_pause() -> None:
    """Compile it, where it is missing or older than its source.

    Raises
    ------
    HarnessError
        The compiler failed, with what it said.
    """
    target = binary_path("pause")
    if target.exists() and target.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name("pause.new")
    command = ["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", str(unfinished), str(SOURCE)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise HarnessError(
            f"gcc could not build {SOURCE.name}:\n{ran.stderr}",
            user_action="Install gcc and the C library's headers (gcc, libc6-dev).",
        )
    unfinished.replace(target)
    print("pause: built", flush=True)
