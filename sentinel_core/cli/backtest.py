"""``sentinel backtest``: what a pipeline would have decided."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from sentinel_core.cli.features import EventsFile, LabelsFile, load_events
from sentinel_core.cli.progress import progress_bar
from sentinel_core.cli.release import ManifestOption, PipelineOption
from sentinel_core.clock import SystemClock
from sentinel_core.engine.backtest import Backtest, run_backtest
from sentinel_core.engine.loader import Loader
from sentinel_core.release import compile_here
from sentinel_core.release.projection import read_projection, write_projection
from sentinel_core.store import Store


def backtest(
    events: EventsFile,
    manifest: ManifestOption,
    labels: LabelsFile = None,
    pipeline: PipelineOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:  # fmt: skip
    """Decide every event of a file as it would have been decided live, without recording it.

    Example: sentinel backtest events.parquet --labels labels.parquet -f manifests/samples/card-payments
    """
    table, known = load_events(events, labels)
    compiled = compile_here(manifest, pipeline).compiled
    clock = SystemClock()
    base = manifest if manifest.is_dir() else manifest.parent
    with tempfile.TemporaryDirectory() as folder:
        write_projection(Path(folder) / "release", compiled.release, blobs=compiled.blobs)
        store = Store.open(Path(folder) / "record.db")
        loader = Loader(Path(folder) / "artifacts", store, clock, base=base)
        release = loader.load_arms(read_projection(Path(folder) / "release")).stable
        started = time.perf_counter()
        with progress_bar("Backtest") as advance:
            result = run_backtest(release, table, known, clock, advance)
        store.close()
    seconds = time.perf_counter() - started
    typer.echo(json.dumps(_summary(result, seconds)) if as_json else _render(result, seconds))


def _summary(result: Backtest, seconds: float) -> dict[str, object]:
    return {
        "events": len(result.scores),
        "seconds": round(seconds, 3),
        "outcomes": result.outcomes,
        "levels": result.levels,
        "rule_hits": result.hits,
        "precision": result.precision,
        "recall": result.recall,
    }


def _render(result: Backtest, seconds: float) -> str:
    lines = [f"{len(result.scores)} events in {seconds:.1f} s"]
    lines += [f"  {outcome:>8}: {count}" for outcome, count in sorted(result.outcomes.items())]
    if result.precision is not None and result.recall is not None:
        lines.append(f"  precision {result.precision:.3f}, recall {result.recall:.3f}")
    hits = sorted(result.hits.items(), key=lambda item: -item[1])
    lines += [f"  rule {rule}: {count} hits" for rule, count in hits]
    return "\n".join(lines)
