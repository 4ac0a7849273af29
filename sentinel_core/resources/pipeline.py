"""SentinelPipeline: everything that a decision about one type of event rests on."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from sentinel_core.events.envelope import EventType
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import (
    API_VERSION,
    BY_NAME,
    ConfigMapKeyRef,
    Declaration,
    ListName,
    PartName,
    ResourceMetadata,
    ResourceName,
    SecretRef,
    Suspend,
    TextSource,
)
from sentinel_core.resources.server import Server

MAX_MODELS = 16
MAX_LISTS = 64
MAX_BLOCK_KEYS = 16
"""Bounds that keep a schema's validation cost small; the largest pipeline at hand has 1 and 3."""

RESERVED_NAMES = ("velocity", "behaviour", "rules", "lists", "rounding")
"""Names that points and weights give to something else than a model."""

FailurePolicy = Literal["Open", "Review", "Closed"]
Name = Annotated[
    PartName, Field(description="Name by which weights and rules call it: a-z, 0-9, - and _.")
]


class FeaturesSource(Declaration):
    """Where the feature spec stands: in a ConfigMap, or here."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="",
            message="features stand either in configMapRef or in inline",
            cel="has(self.configMapRef) != has(self.inline)",
            holds=lambda source: (source.config_map_ref is None) != (source.inline is None),
        ),
    )

    config_map_ref: ConfigMapKeyRef | None = Field(
        None,
        description="The ConfigMap that holds the spec; it carries the label "
        "sentinel.dev/input=true.",
    )
    inline: Annotated[dict[str, Any], Field(max_length=1)] | None = Field(
        None, description="The spec itself: a mapping with the one key features."
    )


class ModelRef(Declaration):
    """A SentinelModel of the same namespace."""

    name: ResourceName


class OnFailure(Declaration):
    """What a decision does when a model is late, fails or is not loaded.

    Skip leaves the signal out; Score puts ``score`` in its place; FailClosed blocks.
    """

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="score",
            message="score goes with action: Score, and only with it",
            cel="has(self.score) == (self.action == 'Score')",
            holds=lambda failure: (failure.score is not None) == (failure.action == "Score"),
        ),
    )

    action: Literal["Skip", "Score", "FailClosed"] = Field(
        "Skip",
        description="Skip decides without the model, Score takes the given score for it, "
        "FailClosed blocks the event.",
    )
    score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Score in [0, 1], higher is riskier; with the action Score only."
    )


class PipelineModel(Declaration):
    """A model that takes part in the decision, as one signal."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="name",
            message=f"the name is taken by another part of a pipeline: {', '.join(RESERVED_NAMES)}; "
            "write another",
            cel=f"!(self.name in [{', '.join(map(repr, RESERVED_NAMES))}])",
        ),
    )

    name: Name
    model_ref: ModelRef = Field(description="The SentinelModel whose artifact scores the event.")
    placement: Literal["Inline", "Remote"] = Field(
        "Inline",
        description="Inline runs the model in the decision server's own process; Remote calls the "
        "model's own server over the Open Inference Protocol, in a cluster only.",
    )
    deadline_ms: int = Field(
        10,
        ge=1,
        le=10_000,
        description="Milliseconds after which the model's answer is dropped as late.",
    )
    on_failure: OnFailure = Field(
        OnFailure.model_construct(action="Skip", score=None),
        description="What happens when the model is late, fails or is not loaded.",
    )


class PipelineList(TextSource):
    """A block, trust or watch list."""

    name: ListName


class Rollout(Declaration):
    """How a new release takes over."""

    strategy: Literal["Immediate"] = Field(
        "Immediate", description="Immediate: a new release that can be loaded replaces the old one."
    )
    split_by: PartName | None = Field(
        None,
        examples=["card"],
        description="Kind of entity by which events are split between two releases; absent takes "
        "the event type's own order (Transaction: card, else account). Events without such an "
        "entity are split by their id.",
    )


class Auth(Declaration):
    """Who may call the pipeline."""

    api_keys_secret_ref: SecretRef | None = Field(
        None,
        description="The Secret whose key keys.yaml holds the digests of API keys; absent means "
        "that every call but probes is answered with 401.",
    )


class SentinelPipelineSpec(Declaration):
    """What a SentinelPipeline declares."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="server.replicas",
            message="the state of a pipeline is in its pod, so that there is one replica "
            "(EphemeralState); remove replicas",
            cel="!has(self.server.replicas) || self.server.replicas == 1",
            holds=lambda spec: spec.server.replicas in (None, 1),
        ),
        CrossField(
            field="server.autoscaling",
            message="the state of a pipeline is in its pod, so that there is one replica "
            "(EphemeralState); remove autoscaling",
            cel="!has(self.server.autoscaling)",
            holds=lambda spec: spec.server.autoscaling is None,
        ),
    )

    event: EventType = Field(description="Type of event that the pipeline decides about.")
    features: FeaturesSource = Field(description="The feature spec.")
    models: Annotated[tuple[PipelineModel, ...], Field(strict=False, max_length=MAX_MODELS)] = (
        Field((), description="Models, each of which is one signal.", json_schema_extra=BY_NAME)
    )
    signals: Annotated[dict[str, Any], Field(max_length=MAX_BLOCK_KEYS)] = Field(
        {}, description="Curves of the signals velocity and behaviour."
    )
    rules: TextSource | None = Field(None, description="The rule pack; absent means no rules.")
    lists: Annotated[tuple[PipelineList, ...], Field(strict=False, max_length=MAX_LISTS)] = Field(
        (), description="Block, trust and watch lists.", json_schema_extra=BY_NAME
    )
    fusion: Annotated[dict[str, Any], Field(max_length=MAX_BLOCK_KEYS)] = Field(
        description="How signals and rule hits become one score, a level and an outcome."
    )
    failure_policy: FailurePolicy = Field(
        "Review",
        description="Outcome of an event that nothing could score: Open approves, Review asks for "
        "a review, Closed blocks.",
    )
    budget_ms: int = Field(
        50, ge=1, le=60_000, description="Milliseconds that one decision may take in all."
    )
    rollout: Rollout = Field(
        Rollout.model_construct(strategy="Immediate", split_by=None),
        description="How a new release takes over.",
    )
    auth: Auth = Field(
        Auth.model_construct(api_keys_secret_ref=None), description="Who may call the pipeline."
    )
    server: Server = Field(
        Server.model_validate({}), description="The pods that decide, and how they run."
    )
    suspend: Suspend = False
    revision_history_limit: int = Field(
        10, ge=0, le=100, description="Number of past releases that are kept beside those in use."
    )


class SentinelPipeline(Declaration):
    """A decision about one type of event: features, signals, rules, lists and fusion.

    All of it is compiled into one release, which is what servers load and decisions name.
    """

    api_version: Literal["sentinel.dev/v1alpha1"] = Field(
        description=f"Version of this schema: {API_VERSION}."
    )
    kind: Literal["SentinelPipeline"] = Field(description="SentinelPipeline.")
    metadata: ResourceMetadata = Field(description="Name, namespace and labels.")
    spec: SentinelPipelineSpec = Field(description="What is declared.")
