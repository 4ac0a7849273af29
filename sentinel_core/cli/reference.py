"""The page of commands, docs/reference/cli.md, written from the commands themselves.

Run as ``python -m sentinel_core.cli.reference [--check] FILE``, with every extra installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from sentinel_core.cli.main import Command, app
from sentinel_core.generated import write_files

_HEAD = """\
# Commands

Written from the commands by `./task gen:cli`; do not edit. Each command also prints this with `--help`,
and `sentinel --install-completion` teaches the shell to complete them.
"""
_EXAMPLE = re.compile(r"^Examples?: ")


def render_reference() -> str:
    """Write every command with its arguments, options and examples, as Markdown."""
    root = typer.main.get_command(app)
    parts = [_HEAD, str(root.help)]
    parts += [part for names, command in commands() for part in _section(names, command)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def commands() -> Iterator[tuple[str, Command]]:
    """Yield every command that can be called, with the words that call it."""
    yield from _within("sentinel", typer.main.get_command(app))


def _within(names: str, command: Command) -> Iterator[tuple[str, Command]]:
    if not hasattr(command, "list_commands"):
        yield names, command
        return
    context = typer.Context(command, info_name=names)
    for name in command.list_commands(context):
        yield from _within(f"{names} {name}", command.get_command(context, name))


def _section(names: str, command: Command) -> Iterator[str]:
    texts, examples = _split(command.help or "")
    yield f"## {names}"
    yield from texts
    rows = list(_rows(command))
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows])
    if examples:
        yield "\n".join(["```sh", *examples, "```"])


def _split(text: str) -> tuple[list[str], list[str]]:
    """Part a help text into its paragraphs and the example commands that stand at its end."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    is_example = [part.startswith(("Example: ", "Examples: ")) for part in paragraphs]
    first = is_example.index(True) if True in is_example else len(paragraphs)
    return paragraphs[:first], [_EXAMPLE.sub("", part) for part in paragraphs[first:]]


def _rows(command: Command) -> Iterator[str]:
    context = typer.Context(command)
    for parameter in command.params:
        record: Any = parameter.get_help_record(context)
        if record is not None:
            usage, meaning = (part.replace("|", "\\|") for part in record)
            yield f"| `{usage}` | {meaning} |"


def main(arguments: list[str] | None = None) -> int:
    """Write the page to a file, or check that the file is up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.cli.reference")
    parser.add_argument("--check", action="store_true", help="fail when FILE is stale")
    parser.add_argument("file", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    return write_files({options.file: render_reference()}, check=options.check, task="gen:cli")


if __name__ == "__main__":
    sys.exit(main())
