"""``sentinel replay``: recompute recorded decisions and compare."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sentinel_core.cli.main import EXIT_REFUSED
from sentinel_core.cli.progress import progress_bar
from sentinel_core.clock import SystemClock
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.replay import Replay, Replayer
from sentinel_core.store import Store


def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Decisions to replay.")
    ] = None,
    *,
    state: Annotated[
        Path,
        typer.Option(
            "--state", metavar="DIR", exists=True, file_okay=False,
            help="State directory of the server that decided; it may be running.",
        ),
    ] = Path(".sentinel"),
    tenant: Annotated[str, typer.Option(help="Tenant of the decisions.")] = "default",
    all_: Annotated[bool, typer.Option("--all", help="Replay every recorded decision.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:  # fmt: skip
    """Recompute decisions from their record and say whether they come out equal, bit for bit.

    Exit code 1 when one differs, with what differs.

    Example: sentinel replay dec_0b7f8a3c9d2e4f6a8b1c3d5e7f901234

    Example: sentinel replay --all --state .sentinel/card-payments
    """
    if bool(ids) == all_:
        raise typer.BadParameter("give decision ids, or --all")
    store = Store.open(state / "record.db", read_only=True)
    clock = SystemClock()
    replayer = Replayer(store, Loader(state / "artifacts", store, clock), clock)
    results = (
        _replay_all(replayer, store) if all_ else [replayer.by_id(tenant, i) for i in ids or ()]
    )
    store.close()
    unequal = [result for result in results if not result.equal]
    if as_json:
        typer.echo(json.dumps(_summary(results, unequal)))
    else:
        for result in unequal:
            typer.echo(f"{result.decision_id}: {'; '.join(result.differences)}")
        proved = sum(result.proved == "bits" for result in results)
        typer.echo(
            f"{len(results)} decisions replayed, {len(results) - len(unequal)} equal "
            f"({proved} on the same runtime, to the bit)."
        )
    if unequal:
        raise typer.Exit(EXIT_REFUSED)


def _replay_all(replayer: Replayer, store: Store) -> list[Replay]:
    results = []
    total = store.decision_count()
    with progress_bar("Replay") as advance:
        for decision in store.decisions():
            results.append(replayer.decision(decision))
            advance(len(results), total)
    return results


def _summary(results: list[Replay], unequal: list[Replay]) -> dict[str, object]:
    return {
        "replayed": len(results),
        "equal": len(results) - len(unequal),
        "bits": sum(result.proved == "bits" for result in results),
        "unequal": [asdict(result) for result in unequal],
    }
