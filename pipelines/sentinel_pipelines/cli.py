"""The commands that make data and models: simulate, train, evaluate, propose, demo."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.cli.main import EXIT_REFUSED
from sentinel_core.cli.progress import progress_bar
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, folds
from sentinel_pipelines.handbook.published import BEST_PUBLISHED, FLOOR, KNOWABLE
from sentinel_pipelines.handbook.recipe import CARD_FRAUD
from sentinel_pipelines.steps.evaluate import FoldResult, summarise, to_json
from sentinel_pipelines.tasks.folds import Folds
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from sentinel_pipelines.tasks.proposal import Proposal, find_model
from sentinel_pipelines.tasks.proposal import propose as propose_artifact
from sentinel_pipelines.tasks.study import load_study

SAMPLE = Path("manifests/samples/card-payments")

Stream = Annotated[
    str, typer.Argument(metavar="STREAM", help="Which stream; handbook is the one there is.")
]
ManifestOption = Annotated[
    Path,
    typer.Option(
        "-f", "--filename", metavar="DIR", exists=True,
        help="Manifest of the pipeline whose feature spec is used.",
    ),
]  # fmt: skip
StartOption = Annotated[
    str, typer.Option("--start", metavar="DATE", help="Training start S of the latest fold.")
]
FoldsOption = Annotated[
    int, typer.Option("--folds", min=1, help="Folds, going back from the latest by a week each.")
]
FRESH_HELP = "Compute everything anew instead of taking what an earlier run kept."


def simulate(
    stream: Stream,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Folder to write into.")
    ],
) -> None:
    """Make the Fraud Detection Handbook's transaction stream: events, labels and the raw columns.

    1,754,155 payments of 183 days with 14,681 frauds, equal to the published ones in every column.

    Example: sentinel simulate handbook --out data
    """
    _known(stream)
    with progress_bar("Payments of customers") as advance:
        files = load_or_generate(default_cache_dir(), advance)
    out.mkdir(parents=True, exist_ok=True)
    for path in (files.events, files.labels, files.raw):
        shutil.copyfile(path, out / path.name)
        typer.echo(out / path.name)


def evaluate(  # noqa: PLR0917 - typer's declarations
    stream: Stream,
    manifest: ManifestOption = SAMPLE,
    start: StartOption = TEST_FOLDS[0].start.isoformat(),
    count: FoldsOption = len(TEST_FOLDS),
    resamples: Annotated[
        int, typer.Option(min=0, help="Resamples of the cards for the 95 % intervals; 0 for none.")
    ] = 0,
    as_json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", dir_okay=False, help="Write the figures as JSON."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help=FRESH_HELP)] = False,
) -> None:
    """Train and test the model by the Handbook's prequential protocol, one fold after the other.

    Exit code 1 when the mean AUC is so high that it must be a leak.

    Example: sentinel evaluate handbook --json evaluation.json

    Example: sentinel evaluate handbook --start 2018-07-11 --folds 4
    """
    _known(stream)
    cache_dir = default_cache_dir()
    with progress_bar("Payments of customers") as advance:
        files = load_or_generate(cache_dir, advance)
    with progress_bar("Features") as advance:
        study = load_study(files, load_pipeline_spec(manifest), cache_dir, advance, fresh=fresh)
    of = Folds(study, CARD_FRAUD, cache_dir, fresh=fresh)
    results = []
    chosen = folds(_date(start), count)
    with progress_bar("Folds") as advance:
        for number, fold in enumerate(chosen):
            advance(number, count)
            results.append(of.evaluate(fold, resamples=resamples))
        advance(count, count)
    if as_json:
        as_json.write_text(json.dumps(to_json(results), indent=2) + "\n")
    print_figures(results)
    if summarise(results).leak_alarm is not None:
        raise typer.Exit(EXIT_REFUSED)


def train(
    stream: Stream,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Folder for the results.")
    ],
    manifest: ManifestOption = SAMPLE,
    start: StartOption = TEST_FOLDS[0].start.isoformat(),
    count: FoldsOption = len(TEST_FOLDS),
) -> None:
    """Run the training flow: features, folds, export, signed artifact, HTML report.

    Writes DIR/artifact (of the latest fold) and DIR/report.html; sentinel propose takes the former.

    Example: sentinel train handbook --out models/card-fraud
    """
    _known(stream)
    _keep_prefect_to_itself(out)
    from sentinel_pipelines.flows.card_fraud import train_card_fraud  # noqa: PLC0415 - 2 s of imports

    with progress_bar("Features") as advance:
        trained = train_card_fraud(
            manifest,
            default_cache_dir(),
            out / "report.html",
            start=_date(start),
            count=count,
            progress={"features": advance},
        )
    artifact = out / "artifact"
    if artifact.exists():
        shutil.rmtree(artifact)
    shutil.copytree(trained.artifact, artifact)
    print_figures(trained.results)
    typer.echo(f"artifact {read_artifact(artifact).digest}: {artifact}")
    typer.echo(f"report: {trained.report}")


def propose(  # noqa: PLR0917 - typer's declarations
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", exists=True, help="Folder or tar of an artifact.")
    ],
    manifest: Annotated[
        Path,
        typer.Option(
            "-f", "--filename", metavar="DIR", exists=True,
            help="Manifest file or folder that declares the SentinelModel.",
        ),
    ],
    model: Annotated[
        str | None, typer.Option("--model", help="Which SentinelModel, where there are several.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="s3://BUCKET/PREFIX",
            help="Upload the artifact first, as PREFIX/NAME-DIGEST.tar; what is there never changes.",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", metavar="DIR",
            help="Settings of the store, a file each: endpoint, region, accessKeyId, "
            "secretAccessKey, ca.crt.",
        ),
    ] = None,
    store_secret: Annotated[
        str | None,
        typer.Option(
            "--store-secret", metavar="NAME",
            help="Secret that holds these settings in the cluster; written into the manifest.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Write an artifact's URI and digest into the SentinelModel that a manifest declares.

    sentinel up takes the change up without a restart; in a cluster kubectl apply the file.

    Example: sentinel propose models/card-fraud/artifact -f manifests/samples/card-payments

    Example: sentinel propose models/card-fraud/artifact -f manifests/samples/card-payments
    --to s3://models/card-fraud --store stores/model-store --store-secret model-store
    """
    if to is None and (store or store_secret):
        raise typer.BadParameter("--store and --store-secret go with --to")
    declared = find_model(manifest, model)
    if to is None:
        proposal = Proposal(artifact.resolve().as_uri(), read_artifact(artifact).digest)
    else:
        if store_secret is None and declared.resource.spec.artifact.store_secret_ref is None:
            raise typer.BadParameter("--to needs --store-secret: the manifest names no Secret yet")
        from sentinel_core.artifacts.publish import publish_artifact  # noqa: PLC0415 - half a second

        published = publish_artifact(artifact, to, store)
        proposal = Proposal(published.uri, published.digest, store_secret)
        typer.echo(published.uri)
    typer.echo(f"{propose_artifact(declared, proposal)}: {proposal.digest}")


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the last step instead of staying up.")
    ] = False,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder for everything the demo makes.")
    ] = Path(".sentinel/demo"),
    port: Annotated[int, typer.Option(help="Port of the decision server.")] = 3000,
    grpc_port: Annotated[int, typer.Option(help="Port of the same over gRPC.")] = 3001,
    admin_port: Annotated[int, typer.Option(help="Port of its probes and metrics.")] = 3002,
) -> None:
    """Show the main job: from raw payments to explained, recorded, replayable decisions.

    Example: sentinel demo --once
    """
    _keep_prefect_to_itself(folder)
    from sentinel_pipelines.demo import Ports, run_demo  # noqa: PLC0415 - it imports the training stack

    run_demo(folder, SAMPLE, Ports(port, grpc_port, admin_port), stay=not once)


def _keep_prefect_to_itself(folder: Path) -> None:
    """Set up Prefect before its first import: a database of its own, and nothing sent anywhere."""
    os.environ.setdefault("PREFECT_HOME", str(folder.resolve() / "prefect"))
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    # Its server of the moment takes ten seconds to start on two quiet cores; its own limit is 20.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")


def print_figures(results: list[FoldResult]) -> None:
    """Print our figures beside the published ones."""
    table = Table(title="Prequential test on the Handbook stream")
    for column in ("", "AUC ROC", "average precision", "card precision@100"):
        table.add_column(column, justify="left" if not column else "right")
    for result in results:
        f = result.figures
        week = f"test week {result.fold.test_start}"
        table.add_row(
            week, f"{f.auc_roc:.3f}", f"{f.average_precision:.3f}", f"{f.card_precision:.3f}"
        )
    summary = summarise(results)
    mean, std = summary.mean, summary.std
    table.add_row(
        "mean ± deviation",
        f"{mean.auc_roc:.3f} ± {std.auc_roc:.3f}",
        f"{mean.average_precision:.3f} ± {std.average_precision:.3f}",
        f"{mean.card_precision:.3f} ± {std.card_precision:.3f}",
        style="bold",
    )
    for name, f in (
        ("best published", BEST_PUBLISHED),
        ("our floor", FLOOR),
        ("knowable", KNOWABLE),
    ):
        table.add_row(
            name, f"{f.auc_roc:.3f}", f"{f.average_precision:.3f}", f"{f.card_precision:.3f}"
        )
    Console().print(table)
    if summary.leak_alarm:
        typer.echo(summary.leak_alarm, err=True)


def _known(stream: str) -> None:
    if stream != "handbook":
        raise typer.BadParameter(f"{stream} is not a stream; there is handbook")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not a date such as 2018-08-15") from error
