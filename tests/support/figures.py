"""What tests of the cluster measured on their way: printed, and written where somebody asks for it.

No test fails for a figure here; `tests/bench` has the runs that are made for figures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench.record import Measured, print_record, write_record

FOLDER_VARIABLE = "SENTINEL_FIGURES"
"""Names the folder that gets ``kubernetes.json``; ``benchmarks`` is where the project keeps its own."""
NAME = "kubernetes"


@dataclass(slots=True)
class Figures:
    """Numbers by name, each with its unit in the name."""

    numbers: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, number: float) -> None:
        """Keep a number, and print it at once for whoever watches."""
        self.numbers[name] = round(number, 3)
        print(f"{name} = {self.numbers[name]}", flush=True)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Keep how many seconds something took, if it came to its end."""
        started = time.monotonic()
        yield
        self.add(name, time.monotonic() - started)


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """The figures of this session."""
    found, load_before = Figures(), os.getloadavg()
    yield found
    measured = Measured({name: found.numbers[name] for name in sorted(found.numbers)})
    print_record(NAME, measured, load_before)
    if folder := os.environ.get(FOLDER_VARIABLE):
        write_record(Path(folder), NAME, measured, load_before)
