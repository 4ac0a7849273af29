"""Every bench can be run: what it measures is there under the name that it knows."""

import importlib

import pytest

from tests.bench.__main__ import BENCHES
from tests.support.pages import ROOT


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_finds_what_it_measures(name):
    assert callable(importlib.import_module(f"tests.bench.bench_{name}").measure)


def test_every_bench_is_listed():
    files = (ROOT / "tests" / "bench").glob("bench_*.py")
    assert {path.stem.removeprefix("bench_") for path in files} == set(BENCHES)
