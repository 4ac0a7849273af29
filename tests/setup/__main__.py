"""Install the real servers and tools that tests use: ``python -m tests.setup``.

Packages come by apt, the rest is built from Go modules into the cache; what is there already stays.
Only the standard library is used: this runs before anything is installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.setup.cache import cache_root
from tests.setup.debian import install_packages
from tests.setup.docker import docker_answers
from tests.setup.errors import HarnessError
from tests.setup.go_modules import KIND, MODULES, GoModule, build
from tests.setup.pause import build_pause


def main() -> int:
    """Return 1 when something could not be had; what can be had without it is there then."""
    started = time.monotonic()
    failures = []
    for step in (install_packages, build_pause, *(_builder(module) for module in _modules())):
        try:
            step()
        except HarnessError as error:
            failures.append(error)
            print(error, file=sys.stderr)
    print(f"{time.monotonic() - started:.0f} s; what was built is in {cache_root()}")
    return 1 if failures else 0


def _modules() -> tuple[GoModule, ...]:
    return (*MODULES, KIND) if docker_answers() else MODULES


def _builder(module: GoModule) -> Callable[[], None]:
    return lambda: build(module)


if __name__ == "__main__":
    sys.exit(main())
