"""SentinelPipeline: everything that a decision about one type of event rests on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sentinel_core.events.envelope import EventType
from sentinel_core.resources.metadata import (
    API_VERSION,
    ConfigMapKeyRef,
    Declaration,
    ListName,
    PartName,
    ResourceMetadata,
    ResourceName,
    TextSource,
)

MAX_MODELS = 16
MAX_LISTS = 64
MAX_BLOCK_KEYS = 16
"""Bounds that keep a schema's validation cost small; the largest pipeline at hand has 1 and 3."""

FailurePolicy = Literal["Open", "Review", "Closed"]
Name = Annotated[
    PartName, Field(description="Name by which weights and rules call it: a-z, 0-9, - and _.")
]


class FeaturesSource(Declaration):
    """Where the feature spec stands: in a ConfigMap, or here."""

    config_map_ref: ConfigMapKeyRef | None = Field(
        None,
        description="The ConfigMap that holds the spec; it carries the label "
        "sentinel.dev/input=true.",
    )
    inline: Annotated[dict[str, Any], Field(max_length=1)] | None = Field(
        None, description="The spec itself: a mapping with the one key features."
    )

    @model_validator(mode="after")
    def _stand_in_one_place(self) -> FeaturesSource:
        if (self.config_map_ref is None) == (self.inline is None):
            message = "features stand either in configMapRef or in inline"
            raise ValueError(message)
        return self


class ModelRef(Declaration):
    """A SentinelModel of the same namespace."""

    name: ResourceName


class OnFailure(Declaration):
    """What a decision does when a model is late, fails or is not loaded.

    Skip leaves the signal out; Score puts ``score`` in its place; FailClosed blocks.
    """

    action: Literal["Skip", "Score", "FailClosed"] = Field(
        "Skip",
        description="Skip decides without the model, Score takes the given score for it, "
        "FailClosed blocks the event.",
    )
    score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Score in [0, 1], higher is riskier; with the action Score only."
    )

    @model_validator(mode="after")
    def _score_goes_with_its_action(self) -> OnFailure:
        if (self.score is not None) != (self.action == "Score"):
            message = "score goes with action: Score, and only with it"
            raise ValueError(message)
        return self


class PipelineModel(Declaration):
    """A model that takes part in the decision, as one signal."""

    name: Name
    model_ref: ModelRef = Field(description="The SentinelModel whose artifact scores the event.")
    placement: Literal["Inline"] = Field(
        "Inline", description="Inline runs the model in the decision server's own process."
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
        description="Kind of entity by which events are split between two releases; absent takes "
        "the event type's own order (Transaction: card, else account). Events without such an "
        "entity are split by their id.",
    )


class SentinelPipelineSpec(Declaration):
    """What a SentinelPipeline declares."""

    event: EventType = Field(description="Type of event that the pipeline decides about.")
    features: FeaturesSource = Field(description="The feature spec.")
    models: Annotated[tuple[PipelineModel, ...], Field(strict=False, max_length=MAX_MODELS)] = (
        Field((), description="Models, each of which is one signal.")
    )
    signals: Annotated[dict[str, Any], Field(max_length=MAX_BLOCK_KEYS)] = Field(
        {}, description="Curves of the signals velocity and behaviour."
    )
    rules: TextSource | None = Field(None, description="The rule pack; absent means no rules.")
    lists: Annotated[tuple[PipelineList, ...], Field(strict=False, max_length=MAX_LISTS)] = Field(
        (), description="Block, trust and watch lists."
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
