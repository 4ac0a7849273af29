"""The OpenAPI document as a file that is checked in.

Run as ``python -m sentinel_bentos.decision.openapi [--check] FILE``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sentinel_bentos.decision.app import build_routes
from sentinel_core.generated import write_files


def main(arguments: list[str] | None = None) -> int:
    """Write the document to a file, or check that the file is up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_bentos.decision.openapi")
    parser.add_argument("--check", action="store_true", help="fail when FILE is stale")
    parser.add_argument("file", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    text = json.dumps(build_routes().openapi(), indent=2, ensure_ascii=False) + "\n"
    return write_files({options.file: text}, check=options.check, task="gen:openapi")


if __name__ == "__main__":
    sys.exit(main())
