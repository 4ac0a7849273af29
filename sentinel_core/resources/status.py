"""What the operator says of a resource: the two statuses, written by it alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from sentinel_core.ids import DIGEST_PATTERN
from sentinel_core.resources.conditions import ConditionType, Location
from sentinel_core.resources.metadata import BY_NAME
from sentinel_core.resources.pipeline import MAX_MODELS

MAX_MESSAGE = 32_768
"""What Kubernetes allows a condition's message (metav1.Condition)."""
MAX_SERVED = 64
"""Different releases or artifacts that pods may report at once; two are usual."""

Phase = Literal["Pending", "Verifying", "Progressing", "Ready", "Degraded", "Suspended"]
Digest = Annotated[str, Field(max_length=71, pattern=DIGEST_PATTERN.pattern)]
Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC, in whole seconds, as Kubernetes writes times."""
CamelCase = Annotated[str, Field(max_length=64, pattern=r"^[A-Z][A-Za-z0-9]*$")]
Count = Annotated[int, Field(ge=0)]
BY_TYPE: dict[str, JsonValue] = {
    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
}  # fmt: skip
BY_DIGEST: dict[str, JsonValue] = {
    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["digest"],
}  # fmt: skip


class StatusPart(BaseModel):
    """Base of what a status is made of.

    Fields that this version does not know are passed over, for another version of the operator may
    have written them. A status is made with the Python names and written with ``dump``.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
    )


class Condition(StatusPart):
    """One aspect of the state, in the form of metav1.Condition."""

    type: ConditionType = Field(description="Which aspect.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    observed_generation: Count = Field(description="Generation of the spec that was judged.")
    last_transition_time: Time = Field(description="When the status last changed.")
    reason: CamelCase = Field(
        description="Why, in one word; docs/reference/conditions.md has each."
    )
    message: str = Field(max_length=MAX_MESSAGE, description="Why, in sentences.")


class Served(StatusPart):
    """What some of the ready pods say they serve."""

    digest: Digest = Field(description="Digest of the artifact or release.")
    pods: Count = Field(description="Ready pods that serve it.")


class LastFailure(StatusPart):
    """What went wrong last, and what to do; gone once everything is as declared."""

    location: Location = Field(description="Where it went wrong.")
    reason: CamelCase = Field(
        description="What went wrong, in one word; docs/reference/conditions.md has each."
    )
    message: str = Field(max_length=MAX_MESSAGE, description="What went wrong, in sentences.")
    user_action: str = Field(max_length=4096, description="The next thing to do.")
    time: Time = Field(description="When it was first seen.")


class Revision(StatusPart):
    """An artifact or release that took its place."""

    digest: Digest = Field(description="Digest of the artifact or release.")
    revision: Annotated[int, Field(ge=1)] = Field(
        description="Its number among those of this resource, counted from 1."
    )
    since: Time = Field(description="When it took its place.")


class ProvenArtifactStatus(Revision):
    """The artifact of a model that passed every check."""

    uri: Annotated[str, Field(max_length=1024)] = Field(description="Where the artifact lies.")
    store: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="Name of the Secret that says how to reach its store."
    )


class Candidate(StatusPart):
    """A release that is not the stable one yet."""

    digest: Digest = Field(description="Digest of the release.")
    revision: Annotated[int, Field(ge=1)] = Field(
        description="Its number among those of this resource, counted from 1."
    )
    percent: Annotated[float, Field(ge=0, le=100)] = Field(
        description="Share of entities that it shall get, in percent."
    )
    confirmed_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        description="Share of entities that every ready pod says it gets, in percent."
    )


class PipelineModelStatus(StatusPart):
    """The artifact that the stable release has for a model."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the model's signal.")
    digest: Digest = Field(description="Digest of the artifact.")


class ResourceStatus(StatusPart):
    """What both statuses have."""

    observed_generation: Count | None = Field(
        None, description="Generation of the spec that this status speaks of."
    )
    phase: Phase | None = Field(None, description="The conditions in one word, for people.")
    conditions: Annotated[tuple[Condition, ...], Field(strict=False, max_length=16)] = Field(
        (), description="The aspects of the state.", json_schema_extra=BY_TYPE
    )
    served: Annotated[tuple[Served, ...], Field(strict=False, max_length=MAX_SERVED)] = Field(
        (), description="What ready pods say they serve.", json_schema_extra=BY_DIGEST
    )
    last_failure: LastFailure | None = Field(
        None, description="What went wrong last; absent once everything is as declared."
    )
    url: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="Where HTTP calls go, inside the cluster."
    )
    grpc_url: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="Where gRPC calls go: a name of all pods, for balancing by the client."
    )
    replicas: Count | None = Field(None, description="Pods that there are.")
    selector: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Labels of the pods, for an autoscaler that asks the scale subresource."
    )

    def dump(self) -> dict[str, JsonValue]:
        """Return the status as the API server takes it: without what is absent or empty."""
        written: dict[str, JsonValue] = self.model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        return {name: value for name, value in written.items() if value != []}


class SentinelModelStatus(ResourceStatus):
    """The state of a SentinelModel."""

    artifact: ProvenArtifactStatus | None = Field(
        None, description="The proven artifact, which pipelines and servers are given."
    )


class SentinelPipelineStatus(ResourceStatus):
    """The state of a SentinelPipeline."""

    stable: Revision | None = Field(None, description="The release that decides.")
    candidate: Candidate | None = Field(None, description="The release that is to take over.")
    models: Annotated[
        tuple[PipelineModelStatus, ...], Field(strict=False, max_length=MAX_MODELS)
    ] = Field((), description="Artifacts that the stable release names.", json_schema_extra=BY_NAME)
