"""``sentinel rules``: check a rule pack, run the tests its rules carry, read the library."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sentinel_core.cli.main import EXIT_REFUSED
from sentinel_core.errors import InvalidDocumentError
from sentinel_core.events import schema_of
from sentinel_core.events.schema import PAYLOADS
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import load_yaml, read_yaml
from sentinel_core.rules import (
    RuleSchema,
    TestResult,
    load_library,
    parse_pack,
    read_pack,
    run_tests,
)
from sentinel_core.rules.library import DOMAINS, features_text, library_text

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=(
        "Check rule packs, run the tests that rules carry, read the library.\n\n"
        "Exit codes: 0 nothing found, 1 a fault or a failed test, 2 wrong usage."
    ),
)


def _event_type(value: str) -> str:
    if value not in PAYLOADS:
        raise typer.BadParameter(f"{value} is not one of {', '.join(PAYLOADS)}")
    return value


PackFile = Annotated[
    Path,
    typer.Argument(metavar="PACK", exists=True, dir_okay=False, help="Rule pack, a YAML file."),
]
EventOption = Annotated[
    str,
    typer.Option(
        "--event",
        metavar="TYPE",
        callback=_event_type,
        help=f"Type of event that the rules judge: {', '.join(PAYLOADS)}.",
    ),
]
FeaturesOption = Annotated[
    Path | None,
    typer.Option(
        "--features", metavar="SPEC", exists=True, dir_okay=False,
        help="Feature spec whose features the rules read.",
    ),
]  # fmt: skip
SignalsOption = Annotated[
    list[str] | None,
    typer.Option("--signal", metavar="NAME", help="Name of a signal that the rules read; repeat."),
]
ListsOption = Annotated[
    list[str] | None,
    typer.Option("--list", metavar="NAME", help="Name of a list that the rules read; repeat."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def check(
    pack: PackFile,
    event: EventOption,
    *,
    features: FeaturesOption = None,
    signal: SignalsOption = None,
    lists: ListsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a pack: every fault comes with file:line:column and a hint, all at once.

    The tests that the rules carry are part of the check.

    Example: sentinel rules check rules.yaml --event Transaction --features features.yaml

    Example: sentinel rules check rules.yaml --event Login --list known-bad-addresses --json
    """
    try:
        checked = parse_pack(read_yaml(pack), _schema(event, features, signal, lists))
    except InvalidDocumentError as error:
        if not as_json:
            raise
        _print_json({"problems": [asdict(p) for p in error.problems]})
        raise typer.Exit(EXIT_REFUSED) from error
    tests = sum(len(rule.tests) for rule in checked.rules)
    if as_json:
        ids = [rule.id for rule in checked.rules]
        _print_json({"problems": [], "digest": checked.digest, "rules": ids, "tests": tests})
    else:
        typer.echo(f"{len(checked.rules)} rules and their {tests} tests hold. {checked.digest}")


@app.command("test")
def run_own_tests(
    pack: PackFile,
    event: EventOption,
    *,
    features: FeaturesOption = None,
    signal: SignalsOption = None,
    lists: ListsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the tests that the rules of a pack carry, and print how each went.

    Example: sentinel rules test rules.yaml --event Transaction --features features.yaml
    """
    schema = _schema(event, features, signal, lists)
    results = run_tests(read_pack(read_yaml(pack), schema).rules, schema)
    failed = [result for result in results if not result.passed]
    if as_json:
        _print_json({"tests": [_plain(result) for result in results], "failed": len(failed)})
    else:
        Console().print(_table(results))
        for result in failed:
            typer.echo(f"{result.position}: {result.fault()}", err=True)
        typer.echo(f"{len(results) - len(failed)} of {len(results)} tests passed.")
    if failed:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def library(
    domain: Annotated[
        str | None, typer.Argument(metavar="[DOMAIN]", help=f"One of {', '.join(DOMAINS)}.")
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="Print the feature spec that the rules read.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the rules of a domain as one pack to start from; without a domain, list them all.

    Example: sentinel rules library payments > rules.yaml

    Example: sentinel rules library payments --features > features.yaml
    """
    if domain is None:
        listed = {name: [rule["id"] for rule in load_library(name).plain()] for name in DOMAINS}
        lines = [f"{name}: {', '.join(ids)}" for name, ids in listed.items()]
        _print_json(listed) if as_json else typer.echo("\n\n".join(lines))
        return
    text = features_text(domain) if features else library_text(domain)
    if as_json:
        _print_json(load_yaml(text, domain).plain())
    else:
        typer.echo(text, nl=False)


def _schema(
    event: str, features: Path | None, signals: list[str] | None, lists: list[str] | None
) -> RuleSchema:
    schema = schema_of(event)
    names = parse_spec(read_yaml(features), schema).names if features else ()
    return RuleSchema(schema, names, tuple(signals or ()), tuple(lists or ()))


def _table(results: tuple[TestResult, ...]) -> Table:
    table = Table("Rule", "Test", "Expected", "Got", "")
    for result in results:
        expected = "hit" if result.expected else "no hit"
        mark = "passed" if result.passed else "FAILED"
        table.add_row(result.rule_id, str(result.number), expected, result.verdict, mark)
    return table


def _plain(result: TestResult) -> dict[str, Any]:
    return {
        "rule": result.rule_id,
        "test": result.number,
        "location": str(result.position),
        "expected": result.expected,
        "verdict": result.verdict,
        "passed": result.passed,
        "read": result.read,
    }


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
