"""Compiling for one machine what is declared for a cluster.

The same manifests go to both worlds. What speaks of a cluster is then either refused, where a decision
would come out otherwise, or passed over and said, where only its running would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sentinel_core.errors import Problem
from sentinel_core.located import Located, problem, refusal
from sentinel_core.release.compile import Compiled, compile_release
from sentinel_core.resources.manifest import Declared, load_manifest
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline

_CLUSTER_FIELDS = (
    ("spec", "artifact", "storeSecretRef"),
    ("spec", "auth"),
    ("spec", "server"),
    ("spec", "suspend"),
    ("spec", "revisionHistoryLimit"),
)
"""Fields that say how something runs in a cluster, and nothing of what is decided."""


@dataclass(frozen=True, slots=True)
class CompiledHere:
    """A release for this machine.

    Attributes
    ----------
    passed_over : sentences that name what is declared and has no effect here
    """

    compiled: Compiled
    passed_over: tuple[str, ...]


def compile_here(path: Path, pipeline: str | None = None) -> CompiledHere:
    """Compile the pipeline of a name, or the only one, for a server on this machine.

    Raises
    ------
    InvalidDocumentError
        As `compile_manifest` has it, and for ``placement: Remote``. Retryable: no.
    NotFoundError, ReleaseError
        As `compile_manifest` has them.
    """
    manifest = load_manifest(path)
    declared = manifest.pipeline(pipeline)
    _refuse_remote(declared)
    models = manifest.models_in(declared.key[0])
    compiled = compile_release(declared, models, manifest.config_maps_in(declared.key[0]))
    lines = [*_passed_over(declared)]
    for name in sorted({model.model for model in compiled.release.models}):
        lines += _passed_over(models[name])
    return CompiledHere(compiled, tuple(lines))


def _refuse_remote(pipeline: Declared[SentinelPipeline]) -> None:
    problems = list(_remote_models(pipeline))
    if problems:
        raise refusal(problems)


def _remote_models(pipeline: Declared[SentinelPipeline]) -> Iterator[Problem]:
    for index, model in enumerate(pipeline.resource.spec.models):
        if model.placement == "Remote":
            where = pipeline.located.at(("spec", "models", index, "placement"))
            message = f"Remote calls the server of {model.model_ref.name}, and there is none here"
            yield problem(where, message, "write Inline, or apply the manifests to a cluster")


def _passed_over(
    declared: Declared[SentinelPipeline] | Declared[SentinelModel],
) -> Iterator[str]:
    """Say which fields of a resource have no effect here, in one sentence if there are any."""
    names = [".".join(loc) for loc in _CLUSTER_FIELDS if _is_written(declared.located, loc)]
    if names:
        resource = declared.resource
        yield f"Passed over in {resource.kind} {declared.key[1]}: {', '.join(names)} (for a cluster)"


def _is_written(located: Located, loc: tuple[str, ...]) -> bool:
    for part in loc:
        if not isinstance(located.value, dict) or part not in located.value:
            return False
        located = located.value[part]
    return True
