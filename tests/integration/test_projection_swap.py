"""A server that reads its releases while they change sees one state, never half of two."""

import subprocess
import sys

from sentinel_core.release import read_projection, write_projection
from tests.support.manifests import compile_files, read_sample

SWAPS = 200
# Every generation carries its number in each file; every third one has no candidate.
WRITER = f"""
import sys
from pathlib import Path
from sentinel_core.release import read_projection, write_projection
directory = Path(sys.argv[1])
release = read_projection(directory).stable
for number in range(2, {SWAPS} + 2):
    stable = release.model_copy(update={{"budget_ms": number}})
    candidate = release.model_copy(update={{"budget_ms": 1000 + number}})
    write_projection(directory, stable, candidate if number % 3 else None, number / 10)
"""


def test_a_reader_never_sees_half_of_two_states(tmp_path):
    release = compile_files(read_sample("logins")).release
    first = release.model_copy(update={"budget_ms": 1})
    write_projection(tmp_path, first, first.model_copy(update={"budget_ms": 1001}), 0.1)
    seen = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) as writer:
        while SWAPS + 1 not in seen and writer.poll() in (None, 0):
            read = read_projection(tmp_path)
            number = read.stable.budget_ms
            candidate = read.candidate.budget_ms if read.candidate else None
            assert (1000 + number if number % 3 else None) == candidate
            assert number / 10 == read.percent
            seen.add(number)
    assert writer.returncode == 0
    assert {1, SWAPS + 1} <= seen
