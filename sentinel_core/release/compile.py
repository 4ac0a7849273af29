"""From a pipeline and the texts it names to a release.

All faults come at once, each at its place in the file it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel_core.errors import ReleaseError
from sentinel_core.ids import canonical_json
from sentinel_core.lists.watchlist import WatchList
from sentinel_core.release.document import MAX_RELEASE_BYTES, Release, ReleaseList
from sentinel_core.release.faults import Faults
from sentinel_core.release.inputs import Inputs, ProvenArtifact
from sentinel_core.release.parts import Parts, PartsParser
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared, load_manifest
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline


@dataclass(frozen=True, slots=True)
class Compiled:
    """A release with what it names by digest.

    Attributes
    ----------
    blobs : rows of each list as canonical JSON, by digest
    """

    release: Release
    blobs: dict[str, bytes]


def compile_release(
    pipeline: Declared[SentinelPipeline],
    models: Mapping[str, Declared[SentinelModel]],
    config_maps: Mapping[str, Declared[ConfigMap]],
    *,
    proven: Mapping[str, ProvenArtifact] | None = None,
) -> Compiled:
    """Compile a pipeline into the one document that servers load and decisions name.

    The same declarations give the same release, byte by byte, in whatever order, with whatever
    comments and white space they are written.

    Parameters
    ----------
    models, config_maps : mapping
        By name, those of the pipeline's namespace.
    proven : mapping or None
        The proven artifact of each model, by the model's name. A release then names these, declared
        or no longer declared, and no other. None names what is declared.

    Raises
    ------
    InvalidDocumentError
        With every fault at ``path:line:column``. Retryable: no.
    ReleaseError
        All faults lie around the pipeline and have one reason (``InputNotFound``,
        ``InputNotLabelled``, ``ModelNotFound``, ``ModelNotProposed``, ``ModelNotReady``,
        ``ModelHasNoServer``), or the release is over its limit (``ReleaseTooLarge``). Retryable: no.
    """
    faults = Faults()
    parts = PartsParser(pipeline, Inputs(models, config_maps, faults, proven), faults).parse()
    faults.raise_if_any()
    release = _build(pipeline.resource, parts)
    size_bytes = len(release.canonical)
    if size_bytes > MAX_RELEASE_BYTES:
        raise ReleaseError(
            "ReleaseTooLarge",
            f"The release of {release.pipeline} has {size_bytes} bytes, more than "
            f"{MAX_RELEASE_BYTES}.",
            user_action="Shorten the rule pack, or split the pipeline by type of event.",
        )
    return Compiled(release, {w.digest: canonical_json(w.plain()) for w in parts.lists})


def compile_manifest(path: Path, pipeline: str | None = None) -> Compiled:
    """Compile the pipeline of a name, or the only one, of a manifest file or folder.

    Raises
    ------
    NotFoundError
        There is no such file, or not exactly one such pipeline. Retryable: no.
    InvalidDocumentError, ReleaseError
        As `compile_release` has them, and for manifests that cannot be read.
    """
    manifest = load_manifest(path)
    declared = manifest.pipeline(pipeline)
    namespace = declared.resource.metadata.namespace
    return compile_release(
        declared, manifest.models_in(namespace), manifest.config_maps_in(namespace)
    )


def _build(pipeline: SentinelPipeline, parts: Parts) -> Release:
    assert parts.spec is not None
    assert parts.signals is not None
    assert parts.fusion is not None
    rules: list[Any] = parts.pack.plain() if parts.pack else []
    return Release(
        pipeline=pipeline.metadata.name,
        namespace=pipeline.metadata.namespace,
        event=pipeline.spec.event,
        features=parts.spec.plain(),
        features_digest=parts.spec.digest,
        models=tuple(sorted(parts.models, key=lambda m: m.name)),
        signals=parts.signals.model_dump(mode="json", by_alias=True),
        rules=rules,
        lists=tuple(sorted((_list(w) for w in parts.lists), key=lambda one: one.name)),
        fusion=parts.fusion.model_dump(mode="json", by_alias=True),
        failure_policy=pipeline.spec.failure_policy,
        budget_ms=pipeline.spec.budget_ms,
        split_by=parts.split_by,
    )


def _list(watch: WatchList) -> ReleaseList:
    return ReleaseList(
        name=watch.name, kind=watch.kind, field=watch.field, cap=watch.cap, digest=watch.digest
    )
