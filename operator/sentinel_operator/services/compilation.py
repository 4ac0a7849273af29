"""Compiling the release that a pipeline's spec, inputs and proven models make now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sentinel_core.errors import ReleaseError, SentinelError
from sentinel_core.ids import canonical_json, digest_json
from sentinel_core.release import (
    Compiled,
    ProvenArtifact,
    compile_release,
    config_map_data,
    projection_files,
)
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.conditions import REASONS
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline
from sentinel_core.resources.status import SentinelModelStatus
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault
from sentinel_operator.services.plan import Object, Observed
from sentinel_operator.services.releases import revision_data

MAX_REVISION_BYTES = 1_400_000
"""Of a release with its rows as JSON. etcd takes requests of 1.5 MiB (--max-request-bytes), which hold
the rest of the object too."""
_REMEMBERED = 128
"""Compilations. One takes 0.14 s for the samples, seconds for the largest texts, and most rounds of a
pipeline have the same."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """The release that should be served, or why there is none."""

    wanted: Compiled | None
    fault: Fault | None = None

    @property
    def waits_for_models(self) -> bool:
        """Whether models are all that is missing."""
        return self.fault is not None and self.fault.location == "models"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a release is made of. Two of the same digest are the same."""

    digest: str
    pipeline: Object = field(compare=False)
    models: Mapping[str, Object] = field(compare=False)
    inputs: Mapping[str, Object] = field(compare=False)
    proven: Mapping[str, ProvenArtifact] = field(compare=False)


def compile_wanted(pipeline: Declared[SentinelPipeline], observed: Observed) -> Compilation:
    """Compile what is declared now, with the artifacts that are proven now."""
    names = {one.model_ref.name for one in pipeline.resource.spec.models}
    models = {name: observed.models[name] for name in sorted(names) if name in observed.models}
    compilation = _compile(_gather(pipeline.resource, models, observed))
    if compilation.wanted is None:
        return compilation
    fault = _find_silent_server(compilation.wanted, models, pipeline.key[1])
    return Compilation(None, fault) if fault else compilation


def _gather(pipeline: SentinelPipeline, models: Mapping[str, Object], observed: Observed) -> _Given:
    named = {*_named_texts(pipeline)}
    for model in models.values():
        named |= {*_named_keys(model)}
    inputs = {name: observed.inputs[name] for name in sorted(named) if name in observed.inputs}
    artifacts = {name: _status(model).artifact for name, model in models.items()}
    proven = {
        name: ProvenArtifact(one.uri, one.digest, one.store)
        for name, one in artifacts.items()
        if one is not None
    }
    facts = [
        _declared(observed.resource),
        [_declared(one) for one in models.values()],
        [[one["metadata"].get("labels"), name, one.get("data")] for name, one in inputs.items()],
        [[name, one.uri, one.digest, one.store] for name, one in proven.items()],
    ]
    return _Given(digest_json(facts), observed.resource, models, inputs, proven)


def _declared(thing: Object) -> list[object]:
    metadata = thing["metadata"]
    return [metadata["namespace"], metadata["name"], thing["spec"]]


@lru_cache(maxsize=_REMEMBERED)
def _compile(given: _Given) -> Compilation:
    resource: str = given.pipeline["metadata"]["name"]
    try:
        pipeline = read_object(given.pipeline, SentinelPipeline)
        models = {name: read_object(one, SentinelModel) for name, one in given.models.items()}
        inputs = {name: read_object(one, ConfigMap) for name, one in given.inputs.items()}
        compiled = compile_release(pipeline, models, inputs, proven=_assume(models, given.proven))
        _check_size(compiled)
    except SentinelError as error:
        return Compilation(None, fault_of_error(error, resource))
    unproven = sorted(models.keys() - given.proven.keys())
    if unproven:
        message = f"No artifact is proven yet of SentinelModel {', '.join(unproven)}."
        return Compilation(None, find_fault("ModelNotReady", message, resource))
    return Compilation(compiled)


def _assume(
    models: Mapping[str, Declared[SentinelModel]], proven: Mapping[str, ProvenArtifact]
) -> dict[str, ProvenArtifact]:
    """Return the proven artifacts, and for models that wait for their proof the declared one.

    So the inputs of a pipeline are judged apart from how far its models are.
    """
    declared = {name: model.resource.spec.artifact for name, model in models.items()}
    assumed = {name: ProvenArtifact(one.uri, one.digest, one.store) for name, one in declared.items()}
    return {**assumed, **proven}


def _check_size(compiled: Compiled) -> None:
    """Refuse a release that does not fit into the objects that hold it."""
    config_map_data(projection_files(compiled.release, None, 0.0, compiled.blobs))
    size_bytes = len(canonical_json(revision_data(compiled.release, compiled.blobs)))
    if size_bytes > MAX_REVISION_BYTES:
        raise ReleaseError(
            "ProjectionTooLarge",
            f"The release with the rows of its lists takes {size_bytes} bytes as JSON, more than "
            f"{MAX_REVISION_BYTES}.",
            user_action=REASONS["ProjectionTooLarge"].user_action,
        )


def _named_texts(pipeline: SentinelPipeline) -> Iterator[str]:
    """Yield the names of the ConfigMaps that a pipeline names."""
    spec = pipeline.spec
    if spec.features.config_map_ref is not None:
        yield spec.features.config_map_ref.name
    if spec.rules is not None:
        yield spec.rules.config_map_ref.name
    for one in spec.lists:
        yield one.config_map_ref.name


def _named_keys(model: Object) -> Iterator[str]:
    """Yield the name of the ConfigMap with the key of a model's signer."""
    ref = (model["spec"]["artifact"].get("signature") or {}).get("publicKeyRef")
    if ref is not None:
        yield ref["name"]


def _find_silent_server(
    compiled: Compiled, models: Mapping[str, Object], resource: str
) -> Fault | None:
    """Return the fault where a model is called and not all of its pods serve the artifact yet."""
    for one in compiled.release.models:
        served = {entry.digest for entry in _status(models[one.model]).served}
        if one.placement == "Remote" and served != {one.digest}:
            message = f"The server of SentinelModel {one.model} does not serve {one.digest} yet."
            return find_fault("ModelNotReady", message, resource)
    return None


def _status(model: Object) -> SentinelModelStatus:
    return SentinelModelStatus.model_validate(model.get("status") or {})
