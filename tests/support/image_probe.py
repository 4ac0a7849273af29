"""Looks at the image that it runs in and prints what it found as JSON. Standard library only.

It is no test and imports nothing of ours: its text is given to the Python of an image.
"""

import json
import os
import sys
from pathlib import Path

PROGRAMS = {
    "as", "c++", "cc", "clang", "easy_install", "g++", "gcc", "go", "ld", "make", "pip", "pip3",
    "rustc", "uv",
}  # fmt: skip
PACKAGES = {"ensurepip", "hatchling", "pip", "setuptools", "uv", "wheel"}
SETTINGS = {".netrc", "pip.conf", ".pip", ".pypirc", "uv.toml"}
"""Files by which a package manager is told of an index."""
FOLDERS = ("/", "/app", "/opt", "/etc", "/tmp")
LARGEST_TEXT_BYTES = 2_000_000


def walk():
    """Give folders and files of the image's own file system."""
    device = Path("/").stat().st_dev
    for folder, folders, files in os.walk("/"):
        here = Path(folder)
        folders[:] = [name for name in folders if (here / name).lstat().st_dev == device]
        yield [here / name for name in folders], [here / name for name in files]


def is_writable(folder):
    """Try to make a file."""
    try:
        Path(folder, "probe").touch()
    except OSError:
        return False
    return True


def mentions(path, hosts):
    """Return which hosts a file names."""
    if path.is_symlink() or path.stat().st_size > LARGEST_TEXT_BYTES:
        return []
    try:
        content = path.read_bytes()
    except PermissionError:
        return []
    return [f"{path}: {host}" for host in hosts if host.encode() in content]


def look(hosts):
    """Return what is in the image."""
    found = {"builders": [], "settings": [], "hosts": [], "size_bytes": 0}
    for folders, files in walk():
        programs = [path for path in files if path.name in PROGRAMS and os.access(path, os.X_OK)]
        packages = [path for path in folders if path.name in PACKAGES]
        found["builders"] += map(str, [*packages, *programs])
        found["settings"] += [str(path) for path in files if path.name in SETTINGS]
        found["size_bytes"] += sum(path.lstat().st_size for path in files)
        found["hosts"] += [line for path in files for line in mentions(path, hosts)]
    writable = [folder for folder in FOLDERS if is_writable(folder)]
    return found | {"user": os.getuid(), "writable": writable}


print(json.dumps(look(sys.argv[1:])))
