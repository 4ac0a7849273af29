"""Where built programs and the state of the test cluster live: outside the checkout, for all clones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.setup.errors import HarnessError
from tests.setup.versions import KUBERNETES, VERSITYGW

INSTALL = "Run ./task setup:servers."


def cache_root() -> Path:
    """Return ``$SENTINEL_CACHE``, or ``~/.cache/sentinel`` where it is unset or empty."""
    return Path(os.environ.get("SENTINEL_CACHE") or "~/.cache/sentinel").expanduser().absolute()


def kubernetes_folder() -> Path:
    """Return the folder of Kubernetes and of what is made for it: CoreDNS, metrics-server, Helm."""
    return cache_root() / "kubernetes" / KUBERNETES


def binary_path(name: str) -> Path:
    """Return where a program that we build lies, or would lie."""
    if name == "versitygw":
        return cache_root() / "bin" / f"versitygw-{VERSITYGW}"
    return kubernetes_folder() / name


def find_program(name: str) -> Path | None:
    """Return a program of the cache, else of the machine; None where there is none."""
    built = binary_path(name)
    if built.is_file():
        return built
    # Debian keeps what is for administrators out of the PATH of everybody else.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def program(name: str) -> Path:
    """Return a program.

    Raises
    ------
    HarnessError
        It is neither in the cache nor on this machine.
    """
    found = find_program(name)
    if found is None:
        raise HarnessError(f"{name} is missing on this machine.", user_action=INSTALL)
    return found
