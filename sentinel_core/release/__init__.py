"""Releases: compiled from a pipeline, named by their content, handed to servers all at once."""

from sentinel_core.release.compile import Compiled, compile_manifest, compile_release
from sentinel_core.release.document import Release, ReleaseList, ReleaseModel, read_release
from sentinel_core.release.inputs import ProvenArtifact
from sentinel_core.release.laptop import CompiledHere, compile_here
from sentinel_core.release.projection import (
    MAX_CONFIG_MAP_BYTES,
    Projection,
    config_map_data,
    projection_files,
    read_projection,
    rows_of,
    write_projection,
)

__all__ = [
    "MAX_CONFIG_MAP_BYTES",
    "Compiled",
    "CompiledHere",
    "Projection",
    "ProvenArtifact",
    "Release",
    "ReleaseList",
    "ReleaseModel",
    "compile_here",
    "compile_manifest",
    "compile_release",
    "config_map_data",
    "projection_files",
    "read_projection",
    "read_release",
    "rows_of",
    "write_projection",
]
