"""The words of a status: every type of condition, and every reason that one may have.

This is the one table. Whoever writes a reason into a status (operator, proof, servers) takes it from
here; docs/reference/conditions.md is written from here, and docs/runbooks has a heading for each.
A reason is never renamed: people's alerts and scripts name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from sentinel_core.resources.reason import Location, ReasonDoc
from sentinel_core.resources.reasons_of_artifacts import ARTIFACT_REASONS
from sentinel_core.resources.reasons_of_releases import RELEASE_REASONS
from sentinel_core.resources.reasons_of_servers import SERVER_REASONS
from sentinel_core.resources.reasons_of_states import STATE_REASONS

__all__ = ["CONDITIONS", "REASONS", "ConditionType", "Location", "ReasonDoc"]

ConditionType = Literal[
    "ArtifactVerified",
    "InputsValid",
    "ModelsReady",
    "ServerReady",
    "Durable",
    "Available",
    "Ready",
]

CONDITIONS: Final[Mapping[ConditionType, str]] = MappingProxyType(
    {
        "ArtifactVerified": "SentinelModel: the declared artifact was fetched, has its digest and, "
        "where a key is named, its signature, was loaded and gave the outputs that its probe records.",
        "InputsValid": "SentinelPipeline: every ConfigMap that it names is there, and all of it "
        "compiles into a release.",
        "ModelsReady": "SentinelPipeline: every model that it names has a proven artifact, and a "
        "ready server where it is called.",
        "ServerReady": "As many pods as there should be are ready. True too where there is no server.",
        "Durable": "SentinelPipeline: decisions and counts outlive the pod.",
        "Available": "Something is served: the declared artifact or release, or the one before it.",
        "Ready": "What is declared is what every ready pod says it serves. False while a change is "
        "under way, and after one was refused; Available then says whether the one before it serves.",
    }
)
"""What each type means when its status is True."""

REASONS: Final[Mapping[str, ReasonDoc]] = MappingProxyType(
    {**STATE_REASONS, **ARTIFACT_REASONS, **RELEASE_REASONS, **SERVER_REASONS}
)
"""Every reason by its name."""
