"""The stubs of the decision service, written from the .proto by protoc.

Run as ``python -m sentinel_bentos.protocol.generate [--check]``, with the extra ``dev`` installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sentinel_core.generated import write_files
from sentinel_core.oip.generate import run_protoc

_ROOT = Path(__file__).parents[2]
_PROTO = Path("sentinel_bentos/protocol/sentinel/v1/decision.proto")


def main(arguments: list[str] | None = None) -> int:
    """Write the files beside the .proto, or check that they are up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_bentos.protocol.generate")
    parser.add_argument("--check", action="store_true", help="fail when a file is stale")
    check = parser.parse_args(arguments).check
    return write_files(run_protoc(_ROOT, _PROTO), check=check, task="gen:proto")


if __name__ == "__main__":
    sys.exit(main())
