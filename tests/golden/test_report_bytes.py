"""Equal input gives equal bytes; what the report says is a golden text (--update-golden)."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_pipelines.steps.report import build_page
from tests.support.evaluations import make_report

WORDS = Path(__file__).parent / "report" / "words.html"
DIGEST = """
import hashlib
from sentinel_pipelines.steps.report import build_page
from tests.support.evaluations import make_report
print(hashlib.sha256(build_page(make_report()).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def page():
    return build_page(make_report())


def test_equal_input_gives_equal_bytes(page):
    assert build_page(make_report()).encode() == page.encode()


def test_another_process_with_other_hashes_writes_the_same_bytes(page):
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"}
    made = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


def test_another_input_gives_other_bytes(page):
    assert build_page(make_report(title="another")) != page


def test_the_words_and_tables_are_the_golden_ones(page, golden):
    words = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    golden(WORDS, re.sub(r"(</(?:p|tr|h\d|li|figcaption|caption|dd)>)\n?", r"\1\n", words))
