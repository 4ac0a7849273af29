"""``sentinel release``: compile a pipeline's manifest, and read what a release holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel_core.release import (
    Release,
    compile_manifest,
    read_projection,
    read_release,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=(
        "Compile a pipeline's manifest into a release, and read what a release holds.\n\n"
        "Exit codes: 0 done, 1 the manifest or the release is refused, 2 wrong usage."
    ),
)

ManifestOption = Annotated[
    Path,
    typer.Option(
        "-f", "--filename", metavar="DIR", exists=True,
        help="Manifest file, or folder with manifest files.",
    ),
]  # fmt: skip
PipelineOption = Annotated[
    str | None,
    typer.Option("--pipeline", metavar="NAME", help="Which one, where there are several."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the release itself, as canonical JSON.")
]


@app.command("compile")
def compile_command(
    manifest: ManifestOption,
    *,
    pipeline: PipelineOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", dir_okay=False,
            help="Write the release here; the SHA-256 of the file is its digest.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Compile a manifest: every fault comes with file:line:column and a hint, all at once.

    Example: sentinel release compile -f manifests/samples/logins

    Example: sentinel release compile -f manifests/samples/logins --json | sha256sum

    Example: sentinel release compile -f payments --pipeline card-payments --out release.json
    """
    compiled = compile_manifest(manifest, pipeline)
    if out is not None:
        out.write_bytes(compiled.release.canonical)
    _print(compiled.release, as_json=as_json)


@app.command()
def show(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR", exists=True,
            help="File with a release, or folder from which a decision server reads its releases.",
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Print what a release holds, or what a decision server is given.

    Of a folder --json prints the stable release.

    Example: sentinel release show release.json

    Example: sentinel release show .sentinel/card-payments/releases
    """
    if path.is_file():
        _print(read_release(path.read_bytes()), as_json=as_json)
        return
    projection = read_projection(path)
    if as_json:
        _print(projection.stable, as_json=True)
        return
    typer.echo(f"Stable, {100 - projection.percent:g} % of the traffic:")
    _print(projection.stable)
    if projection.candidate is not None:
        typer.echo(f"\nCandidate, {projection.percent:g} % of the traffic:")
        _print(projection.candidate)
    elif projection.candidate_error is not None:
        typer.echo(f"\nThe candidate is not served: {projection.candidate_error}")


def _print(release: Release, *, as_json: bool = False) -> None:
    if as_json:
        # Without a line end, so that the digest of the output is the release's.
        typer.echo(release.canonical.decode(), nl=False)
        return
    for name, value in _summary(release):
        typer.echo(f"{name:<16} {value}".rstrip())


def _summary(release: Release) -> list[tuple[str, str]]:
    rows = [
        ("release", release.digest),
        ("pipeline", f"{release.namespace}/{release.pipeline} for {release.event} events"),
        ("features", f"{len(release.features['features'])}, {release.features_digest}"),
    ]
    for model in release.models:
        signed = "signed" if model.public_key else "no signature asked for"
        rows.append((f"model {model.name}", f"{model.model} {model.digest}, {signed}"))
        rows.append(("", f"after {model.deadline_ms} ms: {model.on_failure.action}"))
    rows.append(("signals", ", ".join(n for n, v in release.signals.items() if v) or "none"))
    rows.append(("rules", str(len(release.rules))))
    rows += [
        (f"list {one.name}", f"{one.kind} by {one.field}, {one.digest}") for one in release.lists
    ]
    rows += [
        ("fusion", str(release.fusion["method"])),
        *((name, _pairs(release.fusion[name])) for name in _PARTS if release.fusion.get(name)),
        ("failure policy", release.failure_policy),
        ("budget", f"{release.budget_ms} ms"),
        ("split by", ", ".join((*release.split_by, "event id"))),
    ]
    return rows


_PARTS = ("weights", "levels", "outcomes")


def _pairs(values: dict[str, float]) -> str:
    # By value, as levels rise; a release has its keys in the order of the alphabet.
    rising = sorted(values.items(), key=lambda pair: (pair[1], pair[0]))
    return ", ".join(f"{name} {value:g}" for name, value in rising)
