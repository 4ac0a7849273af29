"""The shell around the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_core.cli import main

NAMES = [
    "backfill", "backtest", "demo", "evaluate", "features", "model", "propose", "release",
    "replay", "rules", "score", "simulate", "train", "up",
]  # fmt: skip


def complete(words, count):
    variables = {
        "_SENTINEL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    return subprocess.run(
        [sys.executable, "-c", "from sentinel_core.cli.main import app; app(prog_name='sentinel')"],
        env=os.environ | variables, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip


def test_help_lists_every_command_with_what_it_does(sentinel):
    ran = sentinel("--help")
    listed = ran.out.partition("Commands:")[2]
    lines = [line.split(maxsplit=1) for line in listed.splitlines() if line[2:3].strip()]
    assert (ran.code, [line[0] for line in lines]) == (0, NAMES)
    assert all(len(line) == 2 for line in lines)


def test_help_says_what_the_exit_codes_mean(sentinel):
    assert "Exit codes: 0 done, 1 refused" in sentinel("--help").out


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(sentinel, name):
    ran = sentinel(name, "--help")
    assert ran.code == 0
    assert "Example" in ran.out or "Commands:" in ran.out


def test_the_list_of_commands_says_what_the_commands_say():
    context = type("Context", (), {"resilient_parsing": False})()
    group = main.InstalledCommands(name="sentinel")
    for name in NAMES:
        entry = main._entries()[name]
        command = group.get_command(context, name)
        first = " ".join(command.help.split("\n\n")[0].split())
        assert first.startswith(main._summary(entry).rstrip("."))
        assert main._summary(entry)


def test_a_package_that_is_not_here_brings_no_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentinel_pipelines", None)
    assert sorted(set(NAMES) - {"demo", "evaluate", "propose", "simulate", "train"}) == sorted(
        main._entries()
    )


def test_listing_and_completing_import_no_command():
    code = (
        "import sys; from sentinel_core.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'pyarrow', 'sqlalchemy', 'onnx') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[-1] == "[]"


def test_a_shell_completes_names_of_commands():
    assert complete("sentinel ", 1) == NAMES
    assert complete("sentinel re", 1) == ["release", "replay"]


def test_a_shell_completes_what_follows_a_command():
    assert complete("sentinel model ", 2) == ["inspect", "verify", "prove", "keygen"]
    assert "--spec" in complete("sentinel features --", 2)


def test_the_completion_script_is_printed_for_the_shell_that_asks():
    program = Path(sys.executable).with_name("sentinel")
    # With a command after it, so that bash stays and can be recognised.
    asking = ["bash", "-c", f"{program} --show-completion; true"]
    printed = subprocess.run(asking, capture_output=True, text=True, check=True).stdout
    assert "_SENTINEL_COMPLETE=complete_bash" in printed


def test_an_unknown_command_is_wrong_usage(sentinel):
    ran = sentinel("modle")
    assert (ran.code, "No such command" in ran.err) == (2, True)


def test_a_command_whose_extra_is_missing_says_which_one_to_install():
    command = main._missing("up", "bentoml")
    assert command.__doc__ == "Not installed: needs the module bentoml."
