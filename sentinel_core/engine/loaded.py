"""A release that is ready to decide: its parts, parsed and bound to each other."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.features import FeatureSpec
from sentinel_core.fusion import FailurePolicy, FusionProfile
from sentinel_core.lists.index import ListIndex
from sentinel_core.rules import Pack
from sentinel_core.signals.curves import BehaviourSignal, VelocitySignal
from sentinel_core.signals.model import ModelSignal, Phrases


@dataclass(frozen=True, slots=True)
class LoadedRelease:
    """A release, ready to decide.

    Attributes
    ----------
    budget_ms : milliseconds that one decision may take in all
    split_by : kinds of entity by which events are split between two releases, first choice first
    phrases : for each feature, a function from its value to words
    artifact_digests : digest by name of the model signal
    runtime : versions that the bits of a model's output depend on
    """

    digest: str
    spec: FeatureSpec
    models: tuple[ModelSignal, ...]
    curves: tuple[VelocitySignal | BehaviourSignal, ...]
    lists: ListIndex
    rules: Pack
    fusion: FusionProfile
    failure_policy: FailurePolicy
    budget_ms: int
    split_by: tuple[str, ...]
    phrases: Phrases
    artifact_digests: dict[str, str]
    runtime: dict[str, str]
