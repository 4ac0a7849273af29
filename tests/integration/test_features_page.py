"""The worked example of docs/explanation/features.md is what the command computes."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pyarrow.parquet as pq
from typer.testing import CliRunner

from sentinel_core.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "features.md").read_text()
NAMES = ("n_1h", "mean_1d", "frauds_1d")


def block(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


def table_of_the_page():
    rows = re.findall(
        r"^\| ([a-e]) \| .*? \| .*? \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE
    )
    return {
        row[0]: [None if cell == "missing" else float(cell) for cell in row[1:]] for row in rows
    }


def test_the_worked_example_is_what_the_command_computes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("features.yaml").write_text(block("yaml"))
    Path("events.csv").write_text(block("csv"))
    Path("labels.csv").write_text(block("csv", 1))
    command = block("sh").strip().removeprefix("sentinel ").split()
    result = CliRunner().invoke(app, [*command, "--processes", "1"])
    assert result.exit_code == 0, result.output
    columns = pq.read_table("features.parquet").to_pydict()
    computed = {
        event_id: [None if v is None or math.isnan(v) else v for v in values]
        for event_id, *values in zip(columns["id"], *(columns[n] for n in NAMES), strict=True)
    }
    assert table_of_the_page() == computed
