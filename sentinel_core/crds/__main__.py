"""The CustomResourceDefinitions as files.

Run as ``python -m sentinel_core.crds [--check] DIR...``; each folder gets both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from sentinel_core.crds.definitions import KINDS, Kind, build_definition
from sentinel_core.generated import write_files


class _WithoutAliases(yaml.SafeDumper):
    """Writes a part that appears twice twice: references make a long file hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say that nothing is referred to."""
        del data
        return True


_HEAD = "# Written from sentinel_core.resources by `./task gen:crds`; do not edit.\n"


def render_definition(kind: Kind) -> str:
    """Return the file of a kind's definition."""
    text: str = yaml.dump(
        dict(build_definition(kind)), Dumper=_WithoutAliases, sort_keys=False, width=100
    )
    return _HEAD + text


def main(arguments: list[str] | None = None) -> int:
    """Write the definitions into folders, or check that they are up to date there."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.crds")
    parser.add_argument("--check", action="store_true", help="fail when a file is stale")
    parser.add_argument("folders", metavar="DIR", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    files = {
        folder / f"{kind.plural}.yaml": render_definition(kind)
        for folder in options.folders
        for kind in KINDS
    }
    return write_files(files, check=options.check, task="gen:crds")


if __name__ == "__main__":
    sys.exit(main())
