"""Compiling the release that a pipeline's spec, inputs and proven models make now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sentinel_core.errors import ReleaseError, SentinelError
from sentinel_core.ids import digest_json
from sentinel_core.release import (
    MAX_CONFIG_MAP_BYTES,
    Compiled,
    ProvenArtifact,
    compile_release,
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

MAX_RELEASE_WITH_ROWS_BYTES = MAX_CONFIG_MAP_BYTES // 2
"""Of all that pods are given of one release: any two then fit beside each other, as they must while one
takes over from the other. In the object that keeps a release, where texts stand within JSON, it is at
most twice as much, and etcd takes requests of 1.5 MiB (--max-request-bytes)."""
_KEPT_SECONDS = 600.0
"""Of a compilation that no round asks for. The resync asks for each every minute, so its pipeline is
gone; where the resync is slower than this, each is compiled anew."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """The release that should be served, or why there is none.

    Attributes
    ----------
    compiled : what spec, inputs and models make; None where they make nothing
    fault : why there is nothing, or why what there is may not begin to take over yet
    """

    compiled: Compiled | None
    fault: Fault | None = None

    @property
    def wanted(self) -> Compiled | None:
        """What may begin to take over."""
        return None if self.fault else self.compiled

    @property
    def waits_for_models(self) -> bool:
        """Whether models are all that is missing."""
        return self.fault is not None and self.fault.location == "models"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a release is made of. Two of the same digest are the same."""

    digest: str
    pipeline: Object
    models: Mapping[str, Object]
    inputs: Mapping[str, Object]
    proven: Mapping[str, ProvenArtifact]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A compilation, and the digest of what it was made of."""

    digest: str
    compilation: Compilation
    asked_at: float


_kept: dict[tuple[str, str], _Kept] = {}
"""The last compilation of each pipeline, by namespace and name. One takes 0.14 s for the samples,
seconds for the largest texts, and most rounds have the same. Not the latest of all pipelines together: a
resync asks for all of them in turn, and would find none where there are more than are kept."""


def compile_wanted(pipeline: Declared[SentinelPipeline], observed: Observed) -> Compilation:
    """Compile what is declared now, with the artifacts that are proven now."""
    names = {one.model_ref.name for one in pipeline.resource.spec.models}
    models = {name: observed.models[name] for name in sorted(names) if name in observed.models}
    given = _gather(pipeline.resource, models, observed)
    compilation = _compile_once(pipeline.key, given, observed.now)
    if compilation.compiled is None:
        return compilation
    fault = _find_silent_server(compilation.compiled, models, pipeline.key[1])
    return replace(compilation, fault=fault)


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


def _compile_once(key: tuple[str, str], given: _Given, now: float) -> Compilation:
    """Return the compilation that is kept, or compile, and let go of what nobody asks for."""
    kept = _kept.get(key)
    if kept is not None and kept.digest == given.digest:
        compilation = kept.compilation
    else:
        compilation = _compile(given)
        # Rounds of other pipelines run on other threads, and may do the same.
        for name, one in list(_kept.items()):
            if now - one.asked_at > _KEPT_SECONDS:
                _kept.pop(name, None)
    _kept[key] = _Kept(given.digest, compilation, now)
    return compilation


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
    assumed = {
        name: ProvenArtifact(one.uri, one.digest, one.store) for name, one in declared.items()
    }
    return {**assumed, **proven}


def _check_size(compiled: Compiled) -> None:
    """Refuse a release that the next one of its size would not fit beside.

    Taken at first, it could not be changed any more but to less than what it leaves.
    """
    files = projection_files(compiled.release, None, 0.0, compiled.blobs)
    size_bytes = sum(map(len, files.values()))
    if size_bytes > MAX_RELEASE_WITH_ROWS_BYTES:
        rows_bytes = sum(map(len, compiled.blobs.values()))
        raise ReleaseError(
            "ProjectionTooLarge",
            f"The release with the rows of its lists has {size_bytes} bytes, {rows_bytes} of them rows. "
            f"It may have {MAX_RELEASE_WITH_ROWS_BYTES}, half of what a ConfigMap holds, for the next "
            "one is loaded beside it.",
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
