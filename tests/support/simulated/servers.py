"""What runs in simulated pods: decision servers, model servers and proofs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel_core.ids import digest_bytes

Thing = dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """What is wrong with a release or an artifact: what a server says that should load it."""

    reason: str
    retrying: bool = False

    def report(self, digest: str) -> Thing:
        return {
            "state": "Refused", "reason": self.reason, "message": f"{digest} is broken.",
            "refused": digest, "retrying": self.retrying,
        }  # fmt: skip


@dataclass
class World:
    """What pods find outside of the cluster.

    Attributes
    ----------
    broken : what is wrong with releases and artifacts once a server loads them, by digest
    verdicts : what a proof comes to, by the artifact's digest: a word, or the JSON of a refusal
    images : what happens to containers, by image: ``pull``, ``crash`` or ``oom``
    """

    broken: dict[str, Broken] = field(default_factory=dict)
    verdicts: dict[str, Any] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    def fault_of(self, release: Mapping[str, Any], digest: str) -> Broken | None:
        models = [one["digest"] for one in release["models"]]
        return next((self.broken[one] for one in (digest, *models) if one in self.broken), None)


@dataclass
class DecisionServer:
    """Loads a stable release and a candidate, as `sentinel_core.engine` does."""

    world: World
    stable: str | None = None
    candidate: str | None = None
    said: Thing = field(default_factory=dict)

    def take_up(self, data: Mapping[str, str]) -> None:
        """Serve what is mounted, or say why not."""
        self.said = {}
        wanted = self._load(data["stable.json"])
        if wanted is not None:
            self.stable = wanted
        self.candidate = None
        if self.stable is not None and "candidate.json" in data:
            self.candidate = self._load(data["candidate.json"])

    def _load(self, text: str) -> str | None:
        digest = digest_bytes(text.encode())
        fault = self.world.fault_of(json.loads(text), digest)
        if fault is None or digest in (self.stable, self.candidate):
            return digest
        self.said = fault.report(digest)
        return None

    def report(self) -> Thing:
        state = "Ready" if self.stable else "Starting"
        held = {"stable": self.stable, "candidate": self.candidate, "percent": 0}
        return {"state": state, **held, **self.said}


@dataclass
class ModelServer:
    """Holds artifacts by their digests, as the model Bento does."""

    world: World
    stable: str | None = None
    loaded: set[str] = field(default_factory=set)
    said: Thing = field(default_factory=dict)

    def take_up(self, data: Mapping[str, str]) -> None:
        """Serve what is assigned, or say why not."""
        self.said = {}
        if "artifacts.json" not in data:
            return
        assigned = json.loads(data["artifacts.json"])
        default = assigned["default"]["digest"]
        fault = self.world.broken.get(default)
        if fault is None or default in self.loaded:
            self.stable = default
        else:
            self.said = fault.report(default)
        others = {one["digest"] for one in assigned["others"]}
        refused = {one for one in others - self.loaded if one in self.world.broken}
        self.loaded = ({self.stable} if self.stable else set()) | (others - refused)
        self.said["refused_others"] = {one: {"message": "it is broken"} for one in sorted(refused)}

    def report(self) -> Thing:
        state = "Ready" if self.stable else "Starting"
        held = {"stable": self.stable, "candidate": None, "percent": 0}
        return {"state": state, **held, "loaded": sorted(self.loaded), **self.said}


def verdict_of(outcome: Any, digest: str) -> Thing:
    """Return how the container of a proof ended."""
    if outcome == "OOMKilled":
        return {"exitCode": 137, "reason": "OOMKilled", "message": ""}
    if outcome == "silent":
        return {"exitCode": 3, "reason": "Error", "message": ""}
    if isinstance(outcome, str):
        said = {"verdict": "Proven", "digest": digest, "name": "m", "version": "1"}
        return {"exitCode": 0, "reason": "Completed", "message": json.dumps(said)}
    said = {"verdict": "Refused", "message": "It is bad.", "userAction": "Mend it.", **outcome}
    return {"exitCode": 1, "reason": "Error", "message": json.dumps({"retryable": False, **said})}
