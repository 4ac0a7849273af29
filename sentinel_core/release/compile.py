"""From a pipeline and the texts it names to a release.

Every part is checked by the parser of its own room, then the parts are checked against each other.
All faults come at once, each at its place in the file it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel_core.errors import ReleaseError
from sentinel_core.events.schema import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.features.spec import FeatureSpec
from sentinel_core.fusion.profile import FusionProfile, parse_fusion
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.ids import canonical_json
from sentinel_core.lists.parse import parse_list
from sentinel_core.lists.watchlist import WatchList
from sentinel_core.located import Located, locate
from sentinel_core.release.check import (
    check_every_signal_counts,
    check_stream_seed,
    check_weights,
)
from sentinel_core.release.document import (
    MAX_RELEASE_BYTES,
    ModelFailure,
    Release,
    ReleaseList,
    ReleaseModel,
)
from sentinel_core.release.faults import Faults
from sentinel_core.release.inputs import Inputs
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared, load_manifest
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import PipelineModel, SentinelPipeline
from sentinel_core.rules import Pack, RuleSchema, parse_pack
from sentinel_core.signals.profile import SignalsProfile, parse_signals

COMPUTED = ("velocity", "behaviour")
"""Signals made of features."""
RESERVED_NAMES = (*COMPUTED, "rules", "lists", "rounding")
"""Names that points and weights give to something else than a model."""


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
) -> Compiled:
    """Compile a pipeline into the one document that servers load and decisions name.

    The same declarations give the same release, byte by byte, in whatever order, with whatever
    comments and white space they are written.

    Parameters
    ----------
    models, config_maps : mapping
        By name, those of the pipeline's namespace.

    Raises
    ------
    InvalidDocumentError
        With every fault at ``path:line:column``. Retryable: no.
    ReleaseError
        All faults lie around the pipeline and have one reason (``InputNotFound``,
        ``InputNotLabelled``, ``ModelNotFound``, ``ModelNotProposed``), or the release is over its
        limit (``ReleaseTooLarge``). Retryable: no.
    """
    faults = Faults()
    parts = _Parser(pipeline, Inputs(models, config_maps, faults), faults).parse()
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


@dataclass(slots=True)
class _Parts:
    """What the parsers made; complete where no fault was noted."""

    spec: FeatureSpec | None = None
    models: list[ReleaseModel] = field(default_factory=list)
    signals: SignalsProfile | None = None
    lists: list[WatchList] = field(default_factory=list)
    pack: Pack | None = None
    fusion: FusionProfile | None = None
    split_by: tuple[str, ...] = ()


class _Parser:
    """One run over one pipeline.

    A part that is refused still gives its names to the parts that read it, so that one misspelt
    feature does not bring a fault for every rule that reads another one.
    """

    def __init__(
        self, pipeline: Declared[SentinelPipeline], inputs: Inputs, faults: Faults
    ) -> None:
        self._spec = pipeline.resource.spec
        self._document = pipeline.located
        self._inputs = inputs
        self._faults = faults
        self._schema = schema_of(self._spec.event)

    def parse(self) -> _Parts:
        parts = _Parts(split_by=self._split_by(), models=self._models())
        features = self._features_text()
        if features is not None:
            parts.spec = self._faults.attempt(lambda: parse_spec(features, self._schema))
        names = parts.spec.names if parts.spec else _written_names(features)
        parts.fusion = self._faults.attempt(
            lambda: parse_fusion(self._block("fusion"), "spec.fusion")
        )
        parts.signals = self._signals(names, parts.fusion)
        parts.lists = self._lists()
        scoring = self._scoring_names(parts.fusion)
        # Rules read neither each other nor lists as a signal: they ask a list by its name.
        parts.pack = self._pack(names, scoring)
        if parts.fusion is not None:
            self._check_fusion(parts.fusion, scoring, parts)
        return parts

    def _block(self, name: str) -> Located:
        """Return a block of the spec; one that is not written is empty."""
        spec: Located = self._document.value["spec"]
        return spec.value.get(name) or locate({}, spec.position.path)

    def _features_text(self) -> Located | None:
        ref = self._spec.features.config_map_ref
        if ref is None:
            inline: Located = self._block("features").value["inline"]
            return inline
        return self._inputs.text(ref, self._document, ("spec", "features", "configMapRef"))

    def _models(self) -> list[ReleaseModel]:
        found = []
        for index, given in enumerate(self._spec.models):
            loc = ("spec", "models", index)
            where = self._document.at((*loc, "name"))
            if given.name in RESERVED_NAMES:
                message = f"{given.name} is not free as the name of a model"
                self._faults.add(where, message, f"taken: {', '.join(RESERVED_NAMES)}")
            if given.name in [m.name for m in self._spec.models[:index]]:
                message = f"another model is named {given.name}"
                self._faults.add(where, message, "give each model its own name")
            ref_loc = (*loc, "modelRef", "name")
            model = self._inputs.model(given.model_ref.name, self._document, ref_loc)
            if model is not None:
                found.append(_model(given, model, self._inputs.public_key(model)))
        return found

    def _signals(
        self, names: tuple[str, ...] | None, fusion: FusionProfile | None
    ) -> SignalsProfile | None:
        if names is None:
            return None
        block = self._block("signals")
        parsed = self._faults.attempt(lambda: parse_signals(block, names, "spec.signals"))
        if parsed is None or not isinstance(fusion, StreamSeed):
            return parsed
        if parsed.velocity is not None:
            message = "StreamSeed makes its own velocity signal"
            self._faults.add(block.keys["velocity"], message, "remove it, or take another method")
        return parsed.model_copy(update={"velocity": fusion.velocity_profile()})

    def _scoring_names(self, fusion: FusionProfile | None) -> tuple[str, ...]:
        """Return the models and computed signals that the pipeline has, or means to have."""
        given = {*self._spec.signals, *(("velocity",) if isinstance(fusion, StreamSeed) else ())}
        return (*(m.name for m in self._spec.models), *(n for n in COMPUTED if n in given))

    def _check_fusion(self, fusion: FusionProfile, scoring: tuple[str, ...], parts: _Parts) -> None:
        block = self._block("fusion")
        rules = ("rules",) if self._spec.rules else ()
        lists = ("lists",) if self._spec.lists else ()
        check_weights(fusion, block, (*scoring, *rules, *lists), self._faults)
        if parts.spec is not None:
            check_stream_seed(fusion, block, parts.spec, self._faults)
        if parts.pack is not None or self._spec.rules is None:
            check_every_signal_counts(fusion, block, scoring, parts.pack, self._faults)

    def _lists(self) -> list[WatchList]:
        found: dict[str, WatchList] = {}
        for index, given in enumerate(self._spec.lists):
            loc = ("spec", "lists", index)
            if given.name in [one.name for one in self._spec.lists[:index]]:
                where = self._document.at((*loc, "name"))
                message = f"another list is named {given.name}"
                self._faults.add(where, message, "give each list its own name")
            text = self._inputs.text(given.config_map_ref, self._document, (*loc, "configMapRef"))
            parsed = self._list(text, given.name) if text is not None else None
            if parsed is not None:
                found[given.name] = parsed
        return list(found.values())

    def _list(self, text: Located, name: str) -> WatchList | None:
        parsed = self._faults.attempt(lambda: parse_list(text, self._schema))
        if parsed is not None and parsed.name != name:
            message = f"the list calls itself {parsed.name}, the pipeline calls it {name}"
            self._faults.add(text.at(("name",)), message, "write one name in both places")
        return parsed

    def _pack(self, names: tuple[str, ...] | None, signals: tuple[str, ...]) -> Pack | None:
        if self._spec.rules is None:
            return None
        loc = ("spec", "rules", "configMapRef")
        text = self._inputs.text(self._spec.rules.config_map_ref, self._document, loc)
        if text is None or names is None:
            return None
        lists = tuple(one.name for one in self._spec.lists)
        schema = RuleSchema(self._schema, names, signals, lists)
        return self._faults.attempt(lambda: parse_pack(text, schema))

    def _split_by(self) -> tuple[str, ...]:
        kinds = self._schema.split_kinds
        chosen = self._spec.rollout.split_by
        if chosen is None:
            return kinds
        if chosen not in kinds:
            where = self._document.at(("spec", "rollout", "splitBy"))
            message = f"{self._spec.event} events are not split by {chosen}"
            self._faults.add(where, message, f"write one of {', '.join(kinds)}")
        return (chosen,)


def _written_names(features: Located | None) -> tuple[str, ...] | None:
    """Return the names in a spec that was refused, or None where there is no spec to read."""
    listed = features.plain() if features is not None else None
    items = listed.get("features") if isinstance(listed, dict) else None
    if not isinstance(items, list):
        return None
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return tuple(name for name in names if isinstance(name, str))


def _model(
    given: PipelineModel, model: Declared[SentinelModel], public_key: str | None
) -> ReleaseModel:
    artifact = model.resource.spec.artifact
    failure = given.on_failure
    return ReleaseModel(
        name=given.name,
        model=given.model_ref.name,
        uri=artifact.uri,
        digest=artifact.digest,
        public_key=public_key,
        deadline_ms=given.deadline_ms,
        on_failure=ModelFailure(action=failure.action, score=failure.score),
    )


def _build(pipeline: SentinelPipeline, parts: _Parts) -> Release:
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
