"""What a test does without the server that it needs: skip on a laptop, fail where CI is set."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from tests.setup.cache import INSTALL, find_program


def need_programs(*names: str) -> None:
    """Go on only where all programs are there."""
    missing = [name for name in names if find_program(name) is None]
    if missing:
        do_without(f"{', '.join(missing)} missing on this machine. {INSTALL}")


def do_without(reason: str) -> NoReturn:
    """Skip the test, or fail it where the environment variable CI is set and not empty."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
