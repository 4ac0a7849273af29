"""How many replicas a server has where load decides: the part of an HPA that is chosen."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import Declaration

MAX_REPLICAS = 1000
"""Beyond it a Deployment's pods no longer fit the status; the largest server at hand has 10."""


class ScalingPolicy(Declaration):
    """How far one step of scaling may go."""

    type: Literal["Pods", "Percent"] = Field(
        description="What value counts: Pods, or Percent of the pods there are."
    )
    value: int = Field(ge=1, le=10_000, description="Pods or percent that one period may change.")
    period_seconds: int = Field(ge=1, le=1800, description="Seconds for which the value holds.")


class ScalingRules(Declaration):
    """Scaling in one direction, in the terms of autoscaling/v2."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        None,
        description="Seconds of past recommendations of which the most cautious is taken; absent "
        "means 0 upwards and 300 downwards.",
    )
    select_policy: Literal["Max", "Min", "Disabled"] = Field(
        "Max", description="Which policy decides: Max, Min, or Disabled for no scaling that way."
    )
    policies: Annotated[tuple[ScalingPolicy, ...], Field(strict=False, max_length=8)] = Field(
        (), description="How far a step may go; empty leaves it to Kubernetes."
    )


class ScalingBehavior(Declaration):
    """How quickly load changes the number of replicas."""

    scale_up: ScalingRules | None = Field(
        None, description="Upwards; absent: as Kubernetes has it."
    )
    scale_down: ScalingRules | None = Field(
        None, description="Downwards; absent: as Kubernetes has it."
    )


class Autoscaling(Declaration):
    """Replicas by load, with a HorizontalPodAutoscaler."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="minReplicas",
            message="minReplicas is above maxReplicas; lower the one or raise the other",
            cel="self.minReplicas <= self.maxReplicas",
            holds=lambda scaling: scaling.min_replicas <= scaling.max_replicas,
        ),
    )

    min_replicas: int = Field(
        1, ge=1, le=MAX_REPLICAS, description="Replicas that there are without load."
    )
    max_replicas: int = Field(ge=1, le=MAX_REPLICAS, description="Replicas that load may ask for.")
    target_cpu_utilization: int = Field(
        70,
        ge=1,
        le=1000,
        alias="targetCPUUtilization",
        description="Percent of the requested CPU that is aimed at, as a mean over the pods.",
    )
    behavior: ScalingBehavior = Field(
        ScalingBehavior.model_construct(scale_up=None, scale_down=None),
        description="How quickly load changes the number of replicas.",
    )
