"""``sentinel features``: the offline feature builder as a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from sentinel_core.cli.progress import progress_bar
from sentinel_core.events import schema_of
from sentinel_core.events.files import read_table
from sentinel_core.events.table import EventTable, LabelTable, parse_events, parse_labels
from sentinel_core.features import FeatureSpec, parse_spec
from sentinel_core.features.offline import build_features
from sentinel_core.located import read_yaml

EventsFile = Annotated[
    Path,
    typer.Argument(
        metavar="EVENTS", exists=True, dir_okay=False,
        help="Events in order of arrival: .parquet, .csv, .ndjson or .jsonl with columns id, type, "
        "occurred_at, one per entity kind, and payload fields.",
    ),
]  # fmt: skip
SpecFile = Annotated[
    Path, typer.Option("--spec", metavar="SPEC", exists=True, dir_okay=False, help="Feature spec.")
]
LabelsFile = Annotated[
    Path | None,
    typer.Option(
        "--labels", metavar="FILE", exists=True, dir_okay=False,
        help="What became known: columns event_id, label (fraud or legitimate), known_at.",
    ),
]  # fmt: skip


def features(
    events: EventsFile,
    spec: SpecFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="Parquet file to write.")
    ],
    labels: LabelsFile = None,
    processes: Annotated[
        int,
        typer.Option(
            min=1,
            show_default="the processors there are",
            help="Most processes to use; entities that nothing joins run apart.",
        ),
    ] = os.cpu_count() or 1,
) -> None:
    """Compute the feature vector of every event of a file, as serving would have.

    Writes one row per input row, in its order: the id and a column per feature (float64, empty where
    missing). A repeated id gets the values of its first arrival.

    Example: sentinel features events.parquet --spec features.yaml --out features.parquet

    Example: sentinel features e.csv --labels l.csv --spec features.yaml --out features.parquet
    """
    table, known = load_events(events, labels)
    parsed = load_spec(spec, table.schema.type)
    with progress_bar("Features") as advance:
        built = build_features(table, parsed, known, processes=processes, progress=advance)
    columns = {
        name: pa.array(built.values[:, i], from_pandas=True) for i, name in enumerate(built.names)
    }
    pq.write_table(pa.table({"id": table.ids, **columns}), out)
    typer.echo(f"{len(table)} events, {len(built.names)} features: {out}", err=True)


def load_events(events: Path, labels: Path | None) -> tuple[EventTable, LabelTable | None]:
    """Read and validate a file of events, and one of labels."""
    table = parse_events(read_table(events))
    return table, parse_labels(read_table(labels)) if labels else None


def load_spec(path: Path, event_type: str) -> FeatureSpec:
    """Read a feature spec against the fields of an event type."""
    return parse_spec(read_yaml(path), schema_of(event_type))
