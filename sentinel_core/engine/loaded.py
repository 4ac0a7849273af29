"""A release that is ready to decide: its parts, parsed and bound to each other."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.features import FeatureSpec
from sentinel_core.fusion import FailurePolicy, FusionProfile
from sentinel_core.lists.index import ListIndex
from sentinel_core.rules import Pack
from sentinel_core.signals.curves import BehaviourSignal, VelocitySignal
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.model import Phrases
from sentinel_core.signals.remote import RemoteModel


@dataclass(frozen=True, slots=True)
class LoadedRelease:
    """A release, ready to decide.

    Attributes
    ----------
    models : by name; a release without remote ones is decided without a pause
    budget_ms : milliseconds that one decision may take in all
    split_by : kinds of entity by which events are split between two releases, first choice first
    phrases : for each feature, a function from its value to words
    artifact_digests : digest by name of the model signal
    runtime : versions that the bits of an inline model's output depend on
    remote_names : models that the pipeline places at their servers, whether they are called there
        or, to prove what they said, are loaded here
    """

    digest: str
    spec: FeatureSpec
    models: tuple[InlineModel | RemoteModel, ...]
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
    remote_names: frozenset[str]

    @property
    def remote_models(self) -> tuple[RemoteModel, ...]:
        """The models that are called at their servers."""
        return tuple(model for model in self.models if isinstance(model, RemoteModel))
