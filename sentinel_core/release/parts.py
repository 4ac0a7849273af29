"""The parts of a pipeline, each checked by the parser of its own room.

Where a part reads names of another one, it is checked against them; what no single parser sees is in
`sentinel_core.release.check`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sentinel_core.events.schema import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.features.spec import FeatureSpec
from sentinel_core.fusion.profile import FusionProfile, parse_fusion
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.lists.parse import parse_list
from sentinel_core.lists.watchlist import WatchList
from sentinel_core.located import Located, locate
from sentinel_core.release.check import (
    check_every_signal_counts,
    check_stream_seed,
    check_weights,
)
from sentinel_core.release.document import ModelFailure, ReleaseModel
from sentinel_core.release.faults import Faults
from sentinel_core.release.inputs import Inputs, Loc, ProvenArtifact
from sentinel_core.resources.manifest import Declared
from sentinel_core.resources.model import SentinelModel, grpc_url
from sentinel_core.resources.pipeline import RESERVED_NAMES, PipelineModel, SentinelPipeline
from sentinel_core.rules import Pack, RuleSchema, parse_pack
from sentinel_core.signals.profile import SignalsProfile, parse_signals

COMPUTED = ("velocity", "behaviour")
"""Signals made of features."""


@dataclass(slots=True)
class Parts:
    """What the parsers made; complete where no fault was noted."""

    spec: FeatureSpec | None = None
    models: list[ReleaseModel] = field(default_factory=list)
    signals: SignalsProfile | None = None
    lists: list[WatchList] = field(default_factory=list)
    pack: Pack | None = None
    fusion: FusionProfile | None = None
    split_by: tuple[str, ...] = ()


class PartsParser:
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

    def parse(self) -> Parts:
        """Parse and check every part; what is wrong is noted as faults."""
        parts = Parts(split_by=self._split_by(), models=self._models())
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
            parsed = self._model(given, loc)
            if parsed is not None:
                found.append(parsed)
        return found

    def _model(self, given: PipelineModel, loc: Loc) -> ReleaseModel | None:
        ref_loc = (*loc, "modelRef", "name")
        model = self._inputs.model(given.model_ref.name, self._document, ref_loc)
        if model is None:
            return None
        if given.placement == "Remote" and model.resource.spec.server is None:
            where = self._document.at((*loc, "placement"))
            message = f"SentinelModel {model.key[1]} has no server that could be called"
            hint = "give it a spec.server, or write placement: Inline"
            self._faults.add(where, message, hint, reason="ModelHasNoServer")
        artifact = self._inputs.artifact(model, self._document, ref_loc)
        return None if artifact is None else _release_model(given, model, artifact)

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

    def _check_fusion(self, fusion: FusionProfile, scoring: tuple[str, ...], parts: Parts) -> None:
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


def _release_model(
    given: PipelineModel, model: Declared[SentinelModel], artifact: ProvenArtifact
) -> ReleaseModel:
    failure = given.on_failure
    is_remote = given.placement == "Remote"
    return ReleaseModel(
        name=given.name,
        model=given.model_ref.name,
        uri=artifact.uri,
        digest=artifact.digest,
        public_key=artifact.public_key,
        deadline_ms=given.deadline_ms,
        on_failure=ModelFailure(action=failure.action, score=failure.score),
        placement=given.placement,
        store=artifact.store,
        grpc_url=grpc_url(*model.key) if is_remote else None,
    )
