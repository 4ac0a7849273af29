"""The hand-written reference of errors says what the code does, and the generated one is fresh."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import get_args

import pytest

import sentinel_bentos
import sentinel_core
import sentinel_operator
import sentinel_pipelines
from sentinel_bentos.decision.problems import ANSWERS
from sentinel_core.artifacts.refusal import RefusalReason
from sentinel_core.cli import metrics_reference
from sentinel_core.cli.reference import main, render_reference
from sentinel_core.errors import SentinelError
from sentinel_core.release.faults import Reason
from sentinel_core.resources.conditions import REASONS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PACKAGES = (sentinel_core, sentinel_bentos, sentinel_operator, sentinel_pipelines)
NO_STATUS = "-"


def rows_under(heading):
    page = (REFERENCE / "errors.md").read_text()
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def error_classes():
    for package in PACKAGES:
        root = Path(package.__path__[0])
        for path in root.rglob("*.py"):
            if re.search(r"^class \w+Error\(", path.read_text(), re.MULTILINE):
                name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
                importlib.import_module(name)
    waiting = [SentinelError]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if not cls.__module__.startswith("tests."):  # what surrounds the tests is not documented
            yield cls


def codes():
    """Return for each code its HTTP status, where it has one, and whether a retry may help."""
    found = {}
    for cls in error_classes():
        if cls.code == "internal" and cls is not SentinelError:
            continue  # a base of others, never raised itself
        status = str(ANSWERS[cls].status) if cls in ANSWERS else NO_STATUS
        found[cls.code] = [status, "yes" if cls.retryable else "no"]
    return found


def release_reasons():
    found = set(get_args(Reason))
    for path in Path(sentinel_core.__path__[0]).rglob("*.py"):
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        named = [call for call in calls if getattr(call.func, "id", "") == "ReleaseError"]
        found |= {ast.literal_eval(call.args[0]) for call in named if path.name != "faults.py"}
    return found


def test_every_code_has_a_row_with_its_status_and_whether_a_retry_may_help():
    documented = {code: row[:2] for code, row in rows_under("Codes").items()}
    assert codes() == documented


def test_every_reason_of_a_refused_release_has_a_row():
    assert release_reasons() == set(rows_under("Reasons of `release_refused`"))


def test_every_reason_of_a_refused_artifact_has_a_row():
    assert set(get_args(RefusalReason)) == set(rows_under("Reasons of `artifact_refused`"))


def test_the_page_of_commands_is_what_the_commands_say():
    assert render_reference() == (REFERENCE / "cli.md").read_text()


def test_a_stale_page_of_commands_is_told(tmp_path, capsys):
    page = tmp_path / "cli.md"
    page.write_text("# Commands\n")
    assert main(["--check", str(page)]) == 1
    assert "is stale. Write it anew: ./task gen:cli" in capsys.readouterr().err


def test_a_page_of_commands_is_fresh_once_written(tmp_path):
    page = tmp_path / "new" / "cli.md"
    assert (main([str(page)]), main(["--check", str(page)])) == (0, 0)


@pytest.mark.parametrize("command", ["sentinel demo", "sentinel backfill", "sentinel rules check"])
def test_a_command_has_its_section(command):
    assert re.search(rf"^## {command}$", render_reference(), re.MULTILINE)


def test_the_page_of_metrics_is_what_the_code_declares():
    assert metrics_reference.render_metrics() == (REFERENCE / "metrics.md").read_text()


def test_a_stale_page_of_metrics_is_told(tmp_path, capsys):
    page = tmp_path / "metrics.md"
    assert metrics_reference.main(["--check", str(page)]) == 1
    assert "is stale. Write it anew: ./task gen:metrics" in capsys.readouterr().err


def test_a_page_of_metrics_is_fresh_once_written(tmp_path):
    page = tmp_path / "metrics.md"
    assert [metrics_reference.main(a) for a in ([str(page)], ["--check", str(page)])] == [0, 0]


def test_every_command_that_a_reason_names_is_there():
    page = (REFERENCE / "cli.md").read_text()
    commands = set(re.findall(r"^## (sentinel [a-z ]+)$", page, flags=re.MULTILINE))
    named = {
        found
        for doc in REASONS.values()
        for found in re.findall(r"sentinel [a-z]+(?: [a-z]+)?", doc.user_action)
    }
    assert named
    for words in named:
        first = " ".join(words.split()[:2])
        group = any(one.startswith(f"{first} ") for one in commands)
        assert words in commands or (first in commands and not group), words
