"""Reasons that tell of no fault: how far something has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sentinel_core.resources.reason import ReasonDoc

_NOTHING = "Nothing is to be done."


def _state(summary: str, user_action: str = _NOTHING, *, passes: bool = False) -> ReasonDoc:
    return ReasonDoc(None, summary, user_action, retryable=passes)


STATE_REASONS: Final[Mapping[str, ReasonDoc]] = {
    "Served": _state("What is declared is what every ready pod says it serves."),
    "Proven": _state("The artifact passed every check."),
    "Compiled": _state("The pipeline and all that it names compile into a release."),
    "ModelsProven": _state("Every model that the pipeline names is ready for it, if it names any."),
    "PodsReady": _state("As many pods as there should be are ready."),
    "NoServer": _state("The model has no server of its own; pipelines load its artifact."),
    "PreviousServed": _state(
        "What was declared before is still served, while a change is under way or was refused.",
        "Look at the condition Ready for what became of the change.",
        passes=True,
    ),
    "NothingServed": _state(
        "No pod serves anything yet.",
        "Wait for the other conditions; the first that is not True says what is missing.",
        passes=True,
    ),
    "Verifying": _state(
        "A Job fetches the artifact, checks it, loads it and runs its probe.",
        "Wait; kubectl logs -l sentinel.dev/resource=NAME,sentinel.dev/role=proof shows how far it is.",
        passes=True,
    ),
    "Progressing": _state(
        "Pods start, stop, or take up what is declared.",
        "Wait; kubectl get pods -l sentinel.dev/resource=NAME shows how far it is.",
        passes=True,
    ),
    "WaitingForArtifact": _state(
        "The server waits for an artifact that is proven.",
        "Look at the condition ArtifactVerified.",
        passes=True,
    ),
    "WaitingForInputs": _state(
        "The server waits for a release that compiles.",
        "Look at the condition InputsValid.",
        passes=True,
    ),
    "WaitingForModels": _state(
        "The release waits for the models that the pipeline names.",
        "Look at the condition ModelsReady.",
        passes=True,
    ),
    "Suspended": _state(
        "The spec says suspend: true, so nothing is changed.",
        "Set spec.suspend to false to let changes through.",
    ),
    "EphemeralState": ReasonDoc(
        "spec",
        "The state of the pipeline is in its pod: what was decided and counted is lost with it, and "
        "there can be one replica only.",
        "Keep one replica, and do not rely on decisions from before the last start of the pod.",
    ),
}
