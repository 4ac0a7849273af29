"""Run benches: ``python -m tests.bench [NAME...]``; without names, all of them.

Each writes ``<name>.json`` into the output folder and prints a table. Several run one after the
other, each in a process of its own, so that none measures what another left in memory.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

from sentinel_core.errors import SentinelError
from tests.bench.record import ROOT, Measured, print_record, write_record

BENCHES = (
    "rules", "model", "store", "features", "remote", "grpc", "decide", "state", "model_server",
    "http", "backtest",
)  # fmt: skip
"""Short ones first."""


def main() -> int:
    """Return 1 when a stated limit is missed or a bench cannot run."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="folder for the JSON")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    names = options.names or BENCHES
    if len(names) == 1:
        return _run(names[0], options.out)
    command = [sys.executable, "-m", "tests.bench", "--out", str(options.out.absolute())]
    codes = [subprocess.run([*command, name], check=False, cwd=ROOT).returncode for name in names]
    return max(codes)


def _run(name: str, out: Path) -> int:
    bench = importlib.import_module(f"tests.bench.bench_{name}")
    load_before = os.getloadavg()
    try:
        measured: Measured = bench.measure()
    except SentinelError as error:
        print(error, file=sys.stderr)
        return 1
    path = write_record(out, name, measured, load_before)
    print_record(name, measured, load_before)
    print(path)
    return 0 if measured.holds else 1


if __name__ == "__main__":
    sys.exit(main())
