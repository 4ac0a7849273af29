"""A base image without Docker and without a registry: Debian with its Python, by debootstrap.

It stands in for python:3.11-slim-bookworm where that cannot be pulled. The packages come from the mirror
that this machine's own apt reads; neither its name nor any other of this machine stays in the image.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.cluster.harness.commands import run
from tests.setup.errors import HarnessError

SUITE = "bookworm"
EDITION = 2
"""Counted up when what is in the image changes, so that one made before is not taken for it."""
NAME = f"sentinel.local/base:{SUITE}-{EDITION}"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
MIRROR_VARIABLE = "SENTINEL_DEBIAN_MIRROR"

_INSTALL = "Run: apt-get install debootstrap buildah. It needs root. Or start a Docker engine."
_REMOVED = (
    # debootstrap copies these two from the machine that it runs on.
    "etc/resolv.conf", "etc/hostname",
    # It names the mirror; nothing installs packages from apt into an image.
    "etc/apt/sources.list",
    # Of dselect, which is not there; it names a mirror too.
    "usr/lib/dpkg/methods",
    "var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "var/log",
    "usr/share/man", "usr/share/locale", "usr/share/info",
)  # fmt: skip


def ensure_base(cache: Path) -> None:
    """Make the base image, or find it: in buildah's store, else as an archive in the cache.

    The archive takes about 70 seconds, the image of it about ten.

    Raises
    ------
    HarnessError
        debootstrap or buildah is missing or failed, or no mirror is known.
    """
    if run(["buildah", "images", "--quiet", "--filter", f"reference={NAME}"], user_action=_INSTALL):
        return
    archive = cache / f"base-{SUITE}-{EDITION}.tar"
    if not archive.exists():
        print(f"Making {NAME} with debootstrap (about a minute, once) ...", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        _bootstrap(archive)
    container = run(["buildah", "from", "scratch"], user_action=_INSTALL).strip()
    try:
        run(["buildah", "add", container, archive, "/"], user_action=_INSTALL)
        run(["buildah", "config", "--cmd", "python3", container], user_action=_INSTALL)
        run(["buildah", "commit", container, NAME], user_action=_INSTALL)
    finally:
        run(["buildah", "rm", container], user_action=_INSTALL)


def mirror() -> str:
    """Return where this machine's apt finds the suite.

    Raises
    ------
    HarnessError
        Its sources do not name it.
    """
    if given := os.environ.get(MIRROR_VARIABLE):
        return given
    action = f"Name a Debian mirror: {MIRROR_VARIABLE}=URL"
    targets = run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)",
         "Created-By: Packages"],
        user_action=action,
    )  # fmt: skip
    found = find_mirror(targets)
    if found is None:
        raise HarnessError(f"The sources of apt here do not name {SUITE}.", user_action=action)
    return found


def find_mirror(targets: str) -> str | None:
    """Return the address of the suite's main part among the lines of apt's index targets."""
    rows = (line.split() for line in targets.splitlines())
    return next((row[2] for row in rows if row[:2] == [SUITE, "main"]), None)


def _bootstrap(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="base-", dir=archive.parent) as folder:
        root = Path(folder, "root")
        packages = f"--include={','.join(PACKAGES)}"
        run(
            ["debootstrap", "--variant=minbase", packages, SUITE, root, mirror()],
            user_action=_INSTALL,
        )
        _forget_this_machine(root)
        partial = archive.with_suffix(".partial")
        run(
            ["tar", "--numeric-owner", "-C", root, "-cf", partial, "."],
            user_action="Make room on the disk.",
        )
        partial.rename(archive)


def _forget_this_machine(root: Path) -> None:
    """Remove what came from this machine, and what no program reads."""
    for name in _REMOVED:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
            path.mkdir()
        else:
            path.unlink(missing_ok=True)
    for document in (root / "usr/share/doc").rglob("*"):
        if document.name != "copyright" and not document.is_dir():
            document.unlink()
