"""Whether there is a Docker engine, on which much depends."""

from __future__ import annotations

import subprocess

from tests.setup.cache import find_program


def docker_answers() -> bool:
    """Whether a Docker engine is there and this user may use it; a client alone is none."""
    docker = find_program("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0
