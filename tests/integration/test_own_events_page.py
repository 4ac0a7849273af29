"""docs/how-to/bring-your-own-events.md works as it is written, up to the server it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_core.events import parse_event

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "bring-your-own-events.md").read_text()
FILES = dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if not line.startswith(("sentinel up", "sentinel score"))
]
RECEIVED_US = 1_900_000_000_000_000


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command of the page printed, in a folder with the page's files."""
    folder = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outputs = {}
    for command in COMMANDS:
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=os.environ | {"PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        outputs[command.split()[1]] = done.stdout
    return outputs


def test_every_command_before_the_server_succeeds(printed):
    expected = ["release", "features", "backtest", "backfill"]
    assert expected == list(printed)


def test_the_backtest_prints_what_the_page_says(printed):
    _, *shown = re.findall(r"```\n(4 events.*?)```", PAGE, re.DOTALL)[0].splitlines()
    _, *lines = printed["backtest"].splitlines()
    assert shown == lines


def test_the_backfill_names_the_one_file_it_wrote(printed):
    assert re.fullmatch(r"history/[0-9a-f]{64}\.parquet\n", printed["backfill"])


def test_the_event_that_is_sent_is_valid():
    event = parse_event(FILES["next.json"], tenant="default", received_at_us=RECEIVED_US)
    assert event.id == "1005"
