"""What README and CONTRIBUTING tell people to type exists, and the cheap part of it runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sentinel_core.cli.reference import commands
from tests.support.pages import ROOT, lines_of

PAGES = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]  # fmt: skip
TYPED = PAGES[:2]
OTHER_PROGRAMS = {".", "echo"}
ON_THE_CLUSTER = {"export", "helm", "kubectl", "curl"}
"""Programs whose lines tests/cluster runs."""
CHEAP = (
    "sentinel release compile -f manifests/samples/logins",
    "sentinel rules library payments > rules.yaml",
    "sentinel rules library payments --features > spec.yaml",
    "sentinel rules test rules.yaml --event Transaction --features spec.yaml",
)
"""Commands of the README that take seconds and need nothing but the clone, in its order."""
COMMANDS = dict(commands())
TASKS = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]


def called(program):
    return [line for page in TYPED for line in lines_of(page) if line.split()[0] == program]


def task_mentions():
    """Return every task that a page names, in a block or within a line."""
    text = "\n".join(page.read_text() for page in PAGES)
    return sorted(set(re.findall(r"\./task ([a-z][a-z0-9:-]*)", text)))


def command_of(words):
    """Return the longest command that a line begins with, and the words behind it."""
    for count in (3, 2):
        name = " ".join(words[:count])
        if name in COMMANDS:
            return COMMANDS[name], words[count:]
    return None, words


@pytest.mark.parametrize("line", called("sentinel"))
def test_a_command_exists_with_the_options_it_is_given(line):
    words = shlex.split(line.split(" > ")[0])
    command, rest = command_of(words)
    assert command is not None
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    assert {word for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("task", task_mentions())
def test_a_task_that_a_page_names_exists(task):
    assert task in TASKS


def test_blocks_hold_nothing_that_is_not_looked_at():
    programs = {line.split()[0] for page in TYPED for line in lines_of(page)}
    others = OTHER_PROGRAMS | ON_THE_CLUSTER
    assert {"sentinel", "./task"} <= programs <= {"sentinel", "./task"} | others


def test_the_readme_has_the_commands_that_are_run_here():
    assert set(CHEAP) <= set(lines_of(ROOT / "README.md"))


def test_the_cheap_commands_run_one_after_the_other(tmp_path):
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in CHEAP:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=os.environ | {"PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?://)([^)#\s]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("line", [line for line in called("./task") if " -- tests" in line])
def test_a_test_that_a_page_names_is_there(line):
    named = [word for word in line.split(" -- ")[1].split() if word.startswith("tests/")]
    assert named == [word for word in named if (ROOT / word).exists()]
