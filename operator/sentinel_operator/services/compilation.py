"""Compiling the release that a pipeline's spec, inputs and proven models make now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sentinel_core.errors import SentinelError
from sentinel_core.release import Compiled, compile_release
from sentinel_core.release.inputs import ProvenArtifact
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline
from sentinel_core.resources.status import SentinelModelStatus
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault
from sentinel_operator.services.plan import Object, Observed


@dataclass(frozen=True, slots=True)
class Compilation:
    """The release that should be served, or why there is none."""

    wanted: Compiled | None
    fault: Fault | None = None

    @property
    def waits_for_models(self) -> bool:
        """Whether models are all that is missing."""
        return self.fault is not None and self.fault.location == "models"


def compile_wanted(declared: Declared[SentinelPipeline], observed: Observed) -> Compilation:
    """Compile what is declared now, with the artifacts that are proven now."""
    pipeline = declared.resource
    resource = pipeline.metadata.name
    names = {one.model_ref.name for one in pipeline.spec.models}
    given = {name: observed.models[name] for name in sorted(names) if name in observed.models}
    try:
        models = {name: read_object(thing, SentinelModel) for name, thing in given.items()}
        texts = set(_named_texts(pipeline, models))
        inputs = {
            name: read_object(observed.inputs[name], ConfigMap)
            for name in sorted(texts)
            if name in observed.inputs
        }
        compiled = compile_release(declared, models, inputs, proven=_proven(given))
    except SentinelError as error:
        return Compilation(None, fault_of_error(error, resource))
    fault = _find_silent_server(compiled, given, resource)
    return Compilation(None, fault) if fault else Compilation(compiled)


def _proven(models: Mapping[str, Object]) -> dict[str, ProvenArtifact]:
    statuses = {name: _status(thing).artifact for name, thing in models.items()}
    return {
        name: ProvenArtifact(artifact.uri, artifact.digest, artifact.store)
        for name, artifact in statuses.items()
        if artifact is not None
    }


def _named_texts(
    pipeline: SentinelPipeline, models: Mapping[str, Declared[SentinelModel]]
) -> Iterator[str]:
    """Yield the names of the ConfigMaps that a release is made of."""
    spec = pipeline.spec
    if spec.features.config_map_ref is not None:
        yield spec.features.config_map_ref.name
    if spec.rules is not None:
        yield spec.rules.config_map_ref.name
    for one in spec.lists:
        yield one.config_map_ref.name
    for declared in models.values():
        signature = declared.resource.spec.artifact.signature
        if signature is not None:
            yield signature.public_key_ref.name


def _find_silent_server(
    compiled: Compiled, models: Mapping[str, Object], resource: str
) -> Fault | None:
    """Return the fault where a model is called whose server does not serve its artifact yet."""
    for one in compiled.release.models:
        served = {entry.digest for entry in _status(models[one.model]).served}
        if one.placement == "Remote" and one.digest not in served:
            message = f"The server of SentinelModel {one.model} does not serve {one.digest} yet."
            return find_fault("ModelNotReady", message, resource)
    return None


def _status(model: Object) -> SentinelModelStatus:
    return SentinelModelStatus.model_validate(model.get("status") or {})
