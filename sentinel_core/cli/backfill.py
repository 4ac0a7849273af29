"""``sentinel backfill``: prepare history for a decision server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sentinel_core.cli.features import EventsFile, LabelsFile, SpecFile, load_events, load_spec
from sentinel_core.cli.progress import progress_bar
from sentinel_core.clock import to_us
from sentinel_core.engine.history import write_history
from sentinel_core.features.offline import arrival_selections

_END_OF_TIME_US = 2**62


def backfill(
    events: EventsFile,
    spec: SpecFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Folder to write into.")
    ],
    labels: LabelsFile = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Leave out what came later, such as 2018-08-29T12:00:00Z."
        ),
    ] = None,
) -> None:
    """Write the history that a decision server starts from, as one file named by its digest.

    Prints the path of the file; give it to sentinel up --history. The spec is needed because a
    feature may select past events by values that they had on arrival.

    Example: sentinel backfill events.parquet --labels labels.parquet --spec features.yaml --out history
    """
    table, known = load_events(events, labels)
    parsed = load_spec(spec, table.schema.type)
    until_us = _END_OF_TIME_US if until is None else _moment_us(until)
    with progress_bar("Values on arrival") as advance:
        selections = arrival_selections(table, parsed, known, advance)
    typer.echo(write_history(out, table, known, selections, until_us=until_us))


def _moment_us(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not a time such as 2018-08-29T12:00:00Z") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no zone; write a Z behind it for UTC")
    return to_us(moment)
