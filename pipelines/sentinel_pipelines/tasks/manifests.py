"""Reading a pipeline's manifest."""

from __future__ import annotations

from pathlib import Path

from sentinel_core.errors import NotFoundError
from sentinel_core.events import schema_of
from sentinel_core.features import FeatureSpec, parse_spec
from sentinel_core.located import locate
from sentinel_core.resources import load_manifest
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
