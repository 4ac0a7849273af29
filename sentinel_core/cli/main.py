"""The ``sentinel`` command: a shell that other packages fill.

Each command arrives by the entry-point group ``sentinel.commands``, so it is there when the extra
that it needs is installed, and this module imports none of them by name. A command is imported when
it is called, since some bring a training stack with them; the list of commands and the shell's
completion of their names read what a command says of itself from its source instead.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from sentinel_core.errors import SentinelError

EXIT_REFUSED = 1
"""The input was refused or a check found something."""
EXIT_RETRY = 75
"""The call may succeed later (EX_TEMPFAIL of sysexits.h)."""


Command = Any
"""A command object of the click that Typer carries inside, which has no public name."""


class InstalledCommands(TyperGroup):
    """The commands that the installed packages contribute."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base's signature
        """Return the names of the commands, sorted."""
        return sorted(_entries())

    def get_command(self, ctx: Any, cmd_name: str) -> Command:
        """Import a command by its name; None where there is no such command."""
        entry = _entries().get(cmd_name)
        if entry is None:
            return None
        # A shell that completes a name asks for every command that begins so, and takes its help.
        return _stand_in(entry) if ctx.resilient_parsing else _load(entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Command, list[str]]:
        """Import the command that the arguments name, also where a shell completes what follows."""
        name, command, rest = super().resolve_command(ctx, args)
        entry = _entries().get(name or "")
        return name, command if entry is None or not ctx.resilient_parsing else _load(entry), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as above
        """List the commands with the first line of what each says of itself."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(e)) for name, e in sorted(_entries().items())])


app = typer.Typer(
    cls=InstalledCommands,
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
    """Hold the commands; Typer folds an application without a callback into its one command."""


def main() -> None:
    """Run the command line; errors of our own tree and of files become one message and an exit code."""
    try:
        app(prog_name="sentinel")
    except SentinelError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_RETRY if error.retryable else EXIT_REFUSED)
    except OSError as error:
        typer.echo(f"{error}. Check the path, its permissions and the disk.", err=True)
        sys.exit(EXIT_REFUSED)


def _entries() -> dict[str, EntryPoint]:
    """Return the commands whose package is here: an image holds no more of them than it runs."""
    found = entry_points(group="sentinel.commands")
    return {e.name: e for e in found if find_spec(e.module.partition(".")[0]) is not None}


def _summary(entry: EntryPoint) -> str:
    """Return the first line of a command's help, without importing what the command imports."""
    spec = find_spec(entry.module)
    assert spec is not None  # the package that brings the entry point brings its module
    assert spec.origin is not None
    for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            given = {keyword.arg: keyword.value for keyword in node.value.keywords}
            if entry.attr in names and isinstance(given.get("help"), ast.Constant):
                return str(ast.literal_eval(given["help"])).partition("\n")[0]
    return ""


def _stand_in(entry: EntryPoint) -> Command:
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(entry.name, help=_summary(entry))(lambda: None)
    return typer.main.get_command(alone)


def _load(entry: EntryPoint) -> Command:
    try:
        loaded = entry.load()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("sentinel"):
            raise
        loaded = _missing(entry.name, error.name)
    if isinstance(loaded, typer.Typer):
        command: Command = typer.main.get_command(loaded)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(entry.name)(loaded)
        command = typer.main.get_command(alone)
    command.name = entry.name
    return command


def _missing(name: str, module: str) -> Callable[[], None]:
    def refuse() -> None:
        typer.echo(
            f"sentinel {name} needs the module {module}. "
            "Install the extra that brings it: pip install 'sentinel[bentos,pipelines]'.",
            err=True,
        )
        raise typer.Exit(EXIT_REFUSED)

    refuse.__doc__ = f"Not installed: needs the module {module}."
    return refuse
