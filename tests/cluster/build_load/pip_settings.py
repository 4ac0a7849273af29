"""How this machine's pip reaches its index, for the pip inside an image's build and for nobody else.

The settings go into the build as files that exist while a step runs. They may name hosts and hold
passwords, so they never become part of an image, of its history or of the repository.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness.commands import run

CERTIFICATES_IN_BUILD = "/run/secrets/ca.crt"
"""Where the Dockerfiles mount the secret ``ca.crt``."""
_PASSED_ON = (
    "default-timeout", "extra-index-url", "find-links", "index-url", "proxy", "retries", "timeout",
    "trusted-host",
)  # fmt: skip
_WEAK_TO_STRONG = ("global", "install", ":env:")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What a build is given.

    Attributes
    ----------
    text : a pip.conf
    certificates : whom this machine trusts, where that is not what the image brings; else None
    folders : of this machine that ``find-links`` names
    """

    text: str
    certificates: Path | None
    folders: tuple[Path, ...]


def read_pip_settings() -> PipSettings:
    """Ask this machine's pip for its settings."""
    listed = run(
        [sys.executable, "-m", "pip", "config", "list"], user_action="Mend pip's configuration."
    )
    return pip_settings(listed, os.environ)


def pip_settings(listed: str, environment: Mapping[str, str]) -> PipSettings:
    """Make the settings of a build from what ``pip config list`` prints.

    Parameters
    ----------
    listed : lines such as ``global.timeout='60'`` and ``:env:.find-links='/opt/wheels'``
    environment : whose SSL_CERT_FILE counts where pip itself is told of no certificates
    """
    given = _parse(listed)
    trusted = given.get("cert") or environment.get("SSL_CERT_FILE")
    certificates = Path(trusted) if trusted and Path(trusted).is_file() else None
    kept = {key: value for key, value in given.items() if key in _PASSED_ON}
    if certificates is not None:
        kept["cert"] = CERTIFICATES_IN_BUILD
    places = [Path(place) for place in kept.get("find-links", "").split() if "://" not in place]
    return PipSettings(_render(kept), certificates, tuple(p for p in places if p.is_dir()))


def _parse(listed: str) -> dict[str, str]:
    """Return the settings that count for ``pip install``."""
    by_section: dict[str, dict[str, str]] = {section: {} for section in _WEAK_TO_STRONG}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in by_section:
            by_section[section][key] = str(ast.literal_eval(value))
    return {key: value for found in by_section.values() for key, value in found.items()}


def _render(settings: Mapping[str, str]) -> str:
    """Return a pip.conf; a value of several words, such as two indexes, goes on on indented lines."""
    lines = [f"{key} = " + "\n    ".join(settings[key].split()) for key in sorted(settings)]
    return "\n".join(["[global]", *lines, ""])
