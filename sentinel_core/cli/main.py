"""The ``sentinel`` command: a shell that other packages fill.

Each command arrives by the entry-point group ``sentinel.commands``, so it is there when the extra
that it needs is installed, and this module imports none of them by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import typer

from sentinel_core.errors import SentinelError

EXIT_REFUSED = 1
"""The input was refused or a check found something."""
EXIT_RETRY = 75
"""The call may succeed later (EX_TEMPFAIL of sysexits.h)."""

app = typer.Typer(
    name="sentinel",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Risk decisions that can be explained, replayed and audited.\n\n"
        "Exit codes: 0 done, 1 refused or a check found something, 2 wrong usage, "
        "75 try again later."
    ),
)


@app.callback()
def _root() -> None:
    """Hold the commands; a callback keeps Typer from folding a lone command into the root."""


def load_commands() -> None:
    """Add every installed command, in the order of their names."""
    for entry in sorted(entry_points(group="sentinel.commands"), key=lambda e: e.name):
        try:
            command = entry.load()
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0].startswith("sentinel"):
                raise
            app.command(entry.name, help=f"(not installed: needs {error.name})")(
                _missing(entry.name, str(error.name))
            )
            continue
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=entry.name)
        else:
            app.command(entry.name)(command)


def _missing(command: str, module: str) -> Callable[[], None]:
    def refuse() -> None:
        typer.echo(
            f"sentinel {command} needs the module {module}. "
            "Install the extra that brings it: pip install 'sentinel[bentos,pipelines]'.",
            err=True,
        )
        raise typer.Exit(EXIT_REFUSED)

    return refuse


def main() -> None:
    """Run the command line; errors of our own tree become one message and an exit code."""
    load_commands()
    try:
        app()
    except SentinelError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_RETRY if error.retryable else EXIT_REFUSED)
