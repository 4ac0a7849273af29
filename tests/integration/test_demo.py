"""The demo, as a newcomer runs it, from the stream to the replay of what it decided."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENT = {
    # Nothing here may depend on how fast this machine is.
    "SENTINEL_BUDGET_MS": "60000",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600",
    "COLUMNS": "200",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def printed(folder):
    command = [
        sys.executable, "-m", "sentinel_core.cli", "demo", "--once", "--dir", str(folder),
        "--port", str(free_port()), "--grpc-port", str(free_port()),
        "--admin-port", str(free_port()),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | PATIENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcomes_of_frauds(text):
    """Return the outcome of each fraud that the demo shows: one of each kind."""
    return re.findall(r"^fraud: .*\n\S+: (approve|review|block), score", text, re.MULTILINE)


def test_all_decisions_come_out_equal_when_they_are_replayed(printed):
    assert "500 of 500 decisions came out equal, to the bit." in printed


def test_a_fraud_is_not_approved(printed):
    assert set(outcomes_of_frauds(printed)) & {"review", "block"}


def test_every_payment_has_an_outcome(printed):
    (counts,) = re.findall(r"^500 decisions: (.*)$", printed, re.MULTILINE)
    assert sum(int(count) for count in re.findall(r"\d+", counts)) == 500


def test_the_report_is_there(folder, printed):
    assert (folder / "report.html").read_text().startswith("<!")
    assert "Report: " in printed


def test_the_record_stays_for_the_command_that_replays_it(folder, printed):
    assert f"sentinel replay --all --state {folder}/state" in printed
    assert (folder / "state" / "record.db").exists()
