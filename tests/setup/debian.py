"""Packages of Debian and its kin that the tests need, installed only where something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.setup.cache import find_program
from tests.setup.errors import HarnessError


def _has(*programs: str) -> Callable[[], bool]:
    return lambda: all(find_program(name) for name in programs)


def _exists(*patterns: str) -> Callable[[], bool]:
    return lambda: any(next(Path("/").glob(pattern), None) for pattern in patterns)


PACKAGES: dict[str, Callable[[], bool]] = {
    "containerd": _has("containerd", "ctr"),
    "runc": _has("runc"),
    "containernetworking-plugins": _exists("usr/lib/cni/bridge", "opt/cni/bin/bridge"),
    "iptables": _has("iptables"),
    "conntrack": _has("conntrack"),
    "iproute2": _has("ip"),
    "etcd-server": _has("etcd"),
    "busybox-static": _exists("usr/share/doc/busybox-static"),
    "gcc": _has("gcc"),
    "libc6-dev": _exists("usr/lib/*/libc.a", "usr/lib64/libc.a"),
    "buildah": _has("buildah"),
    "debootstrap": _has("debootstrap"),
    "wrk": _has("wrk"),
    "hey": _has("hey"),
    "nghttp2-client": _has("h2load"),
}
"""By what each is known to be there: by its program and not by dpkg, since containerd may have come
with Docker, whose package Debian's would throw out."""


def missing_packages() -> list[str]:
    """Return the packages whose programs are not on this machine."""
    return [name for name, is_there in PACKAGES.items() if not is_there()]


def install_packages() -> None:
    """Install what is missing.

    Raises
    ------
    HarnessError
        Something is missing, and this is not root, or there is no apt. Retryable once it is.
    """
    missing = missing_packages()
    if not missing:
        print(f"Packages: all {len(PACKAGES)} are there", flush=True)
        return
    words = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise HarnessError(
            f"Without apt, these packages of Debian cannot be installed: {words}.",
            user_action="Install what your system calls them, and run ./task setup:servers again.",
        )
    if os.geteuid() != 0:
        raise HarnessError(
            f"Packages are missing, and only root may install them: {words}.",
            user_action=f"Run: sudo apt-get install {words}",
        )
    print(f"Packages: installing {words}", flush=True)
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(
        ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        last_lines = "\n".join((ran.stdout + ran.stderr).splitlines()[-20:])
        raise HarnessError(
            f"apt-get {arguments[0]} failed:\n{last_lines}",
            user_action="Mend what apt says above and run ./task setup:servers again.",
        )
