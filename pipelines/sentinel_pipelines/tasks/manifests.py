"""Reading a pipeline's manifest, and proposing an artifact in one."""

from __future__ import annotations

import re
from pathlib import Path

from sentinel_core.errors import NotFoundError
from sentinel_core.events import schema_of
from sentinel_core.features import FeatureSpec, parse_spec
from sentinel_core.located import Position, locate
from sentinel_core.resources import Declared, SentinelModel, load_manifest
from sentinel_core.resources.manifest import load_input


def load_pipeline_spec(manifest_path: Path) -> FeatureSpec:
    """Read the feature spec of the only pipeline that a manifest declares.

    Raises
    ------
    NotFoundError
        The pipeline, or the ConfigMap that it names, is not declared. Retryable: no.
    InvalidDocumentError
        The manifest or the spec is not valid. Retryable: no.
    """
    manifest = load_manifest(manifest_path)
    pipeline = manifest.pipeline().resource
    schema = schema_of(pipeline.spec.event)
    ref = pipeline.spec.features.config_map_ref
    if ref is None:
        return parse_spec(locate(pipeline.spec.features.inline, str(manifest_path)), schema)
    declared = manifest.config_maps_in(pipeline.metadata.namespace).get(ref.name)
    if declared is None or ref.key not in declared.resource.data:
        raise NotFoundError(
            f"The manifest {manifest_path} has no ConfigMap {ref.name} with the key {ref.key}.",
            user_action="Add it to the same folder.",
        )
    return parse_spec(load_input(declared, ref.key), schema)


def propose(manifest_path: Path, model: str | None, uri: str, digest: str) -> Path:
    """Write an artifact's URI and digest into the SentinelModel that a manifest declares.

    Only these two values change; comments and everything else stay as they are written.

    Returns
    -------
    Path
        The file that was changed.

    Raises
    ------
    NotFoundError
        There is not exactly one SentinelModel, or none of the name. Retryable: no.
    """
    declared = _find_model(manifest_path, model)
    file = Path(declared.located.position.path)
    lines = file.read_text().splitlines(keepends=True)
    for name, value in (("uri", uri), ("digest", digest)):
        place = declared.located.value["spec"].value["artifact"].value[name].position
        _replace_scalar(lines, place, value)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text("".join(lines))
    partial.replace(file)
    return file


def _find_model(manifest_path: Path, name: str | None) -> Declared[SentinelModel]:
    models = load_manifest(manifest_path).models
    found = [d for d in models if name in (None, d.resource.metadata.name)]
    if len(found) != 1:
        names = ", ".join(d.resource.metadata.name for d in models) or "none"
        raise NotFoundError(
            f"The SentinelModel to propose for is not clear; declared are: {names}.",
            user_action="Name one with --model.",
        )
    return found[0]


def _replace_scalar(lines: list[str], place: Position, value: str) -> None:
    """Put a value in the place of a plain or quoted scalar that ends on its line."""
    line = lines[place.line - 1]
    before, rest = line[: place.column - 1], line[place.column - 1 :]
    after = re.sub(r"""^("[^"]*"|'[^']*'|[^\s,}]+)""", "", rest, count=1)
    lines[place.line - 1] = f"{before}{value}{after}"
