"""``sentinel model``: look at artifacts, verify and prove them, make signing keys."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel_core.artifacts.fetch import fetch_artifact
from sentinel_core.artifacts.manifest import Manifest
from sentinel_core.artifacts.prove import Refused, prove_artifact, verdict_bytes
from sentinel_core.artifacts.read import Artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.sign import write_key_pair
from sentinel_core.cli.main import EXIT_REFUSED

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Look at model artifacts, verify and prove them, make keys.",
)

ArtifactUri = Annotated[
    str,
    typer.Argument(
        metavar="URI", help="Folder or tar of the artifact, or its file, http(s) or s3 URI."
    ),
]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR",
        help="Settings of the store, a file each: endpoint, region, accessKeyId, "
        "secretAccessKey, ca.crt.",
    ),
]  # fmt: skip


@app.command()
def inspect(
    uri: ArtifactUri,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest and the digest as JSON.")
    ] = False,
    store: StoreFolder = None,
) -> None:
    """Show what an artifact says about itself. The model is not loaded.

    Example: sentinel model inspect models/card-fraud/1
    """
    artifact = fetch_artifact(uri, store=store)
    if as_json:
        plain = artifact.manifest.model_dump(mode="json", by_alias=True)
        typer.echo(json.dumps({"digest": artifact.digest, "manifest": plain}, indent=2))
        return
    for name, value in _summary(artifact):
        typer.echo(f"{name:<14}{value}")


@app.command()
def verify(
    uri: ArtifactUri,
    digest: Annotated[
        str | None, typer.Option(help="Digest that the artifact must have, sha256:...")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="Public key (PEM) that must have signed it.", exists=True, dir_okay=False
        ),
    ] = None,
    store: StoreFolder = None,
) -> None:
    """Run every check that a server runs before it serves the artifact, and its probe.

    Exit code 0 when all hold, 1 when one does not; it names the reason and the next action.

    Examples: sentinel model verify models/card-fraud/1 --key keys/model-signing.pub

    sentinel model verify card-fraud.tar --digest sha256:1f0c...
    """
    artifact = fetch_artifact(uri, digest, key.read_bytes() if key else None, store=store)
    _passed("contents", f"{len(artifact.files) + 1} plain files within the limits")
    _passed("digest", f"{artifact.digest}{'' if digest else ' (none was asked for)'}")
    _passed("signature", artifact.signed_by or "not checked: no --key given")
    _passed("manifest", f"{artifact.manifest.name} {artifact.manifest.version}, every file listed")
    model = LoadedModel(artifact)
    _passed("graph", f"standard operators only, one input of {model.feature_count} columns")
    _passed("probe", "outputs as they were in training, finite and in range")
    explained = "contributions add up to the margin" if model.explainer else "none in the artifact"
    _passed("explainer", explained)


@app.command()
def prove(
    uri: Annotated[
        str, typer.Option("--uri", help="Where the artifact lies: s3, http(s), file or a path.")
    ],
    digest: Annotated[
        str, typer.Option("--digest", help="Digest that the artifact must have, sha256:...")
    ],
    store: StoreFolder = None,
    public_key_file: Annotated[
        Path | None,
        typer.Option(
            "--public-key-file", metavar="FILE", exists=True, dir_okay=False,
            help="Public key (PEM) that must have signed it; else SENTINEL_PUBLIC_KEY, where that "
            "variable is set, holds the key itself.",
        ),
    ] = None,
    verdict_file: Annotated[
        Path | None,
        typer.Option(
            "--verdict-file", metavar="FILE", envvar="SENTINEL_VERDICT_FILE",
            help="Where the verdict is written besides standard output.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Fetch, check, load and probe an artifact; the verdict is one JSON object of at most 4096 bytes.

    Exit code 0 when it is proven, 1 when it is refused, also where no store could be reached. A
    cluster runs this before anything that serves loads the artifact.

    Example: sentinel model prove --uri s3://models/card-fraud-1f0c.tar --digest sha256:1f0c...
    """
    key = public_key_file.read_bytes() if public_key_file else _key_of_environment()
    verdict = prove_artifact(uri, digest, key, store=store)
    written = verdict_bytes(verdict)
    typer.echo(written.decode())
    if isinstance(verdict, Refused):
        typer.echo(f"{verdict.reason}: {verdict.message} {verdict.user_action}", err=True)
    if verdict_file is not None:
        verdict_file.write_bytes(written)
    if isinstance(verdict, Refused):
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def keygen(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the two keys are written.")],
) -> None:
    """Make an Ed25519 pair: a private key that signs artifacts, a public key that verifies them.

    Example: sentinel model keygen keys
    """
    private, public = write_key_pair(folder)
    typer.echo(f"private key  {private} (keep it out of the cluster and out of git)")
    typer.echo(f"public key   {public}")


def _key_of_environment() -> bytes | None:
    # An empty variable is a key that is none, rather than no demand for a signature.
    text = os.environ.get("SENTINEL_PUBLIC_KEY")
    return None if text is None else text.encode()


def _passed(check: str, detail: str) -> None:
    typer.echo(f"ok  {check:<10} {detail}")


def _summary(artifact: Artifact) -> list[tuple[str, Any]]:
    manifest: Manifest = artifact.manifest
    data = manifest.training_data
    span = f"{data.since.date()} to {data.until.date()}"
    return [
        ("name", f"{manifest.name} {manifest.version}"),
        ("digest", artifact.digest),
        ("task", f"{manifest.task} ({manifest.format})"),
        ("features", f"{len(manifest.inputs)}, spec {manifest.feature_spec.digest}"),
        ("history", "needed" if manifest.needs_history else "not needed"),
        ("calibration", manifest.calibration.kind),
        ("trained on", f"{data.rows} rows, {data.frauds} frauds, {span}"),
        *((f"  {name}", f"{m.value:.4g} [{m.low:.4g}, {m.high:.4g}] {m.method}")
          for name, m in sorted(manifest.metrics.items())),
        ("files", ", ".join(sorted(manifest.files))),
    ]  # fmt: skip
