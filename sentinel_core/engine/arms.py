"""The two releases that a server holds, and which of them an event gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.events import Event
from sentinel_core.features import FeatureSpec
from sentinel_core.ids import split_fraction

Arm = Literal["stable", "candidate"]


@dataclass(frozen=True, slots=True)
class Arms:
    """A stable release, at most one candidate, and the split between them.

    Replaced as a whole, so that an event sees one state of it.

    Attributes
    ----------
    percent : share of entities that the candidate gets, in [0, 100]
    candidate_refusal : why a candidate that should be here is not
    """

    stable: LoadedRelease
    candidate: LoadedRelease | None = None
    percent: float = 0.0
    candidate_refusal: Refusal | None = None

    def pick(self, event: Event) -> tuple[Arm, LoadedRelease]:
        """Return the release that decides an event: an entity stays with one, step by step."""
        candidate = self.candidate
        if candidate is None or self.percent <= 0:
            return "stable", self.stable
        kind, entity = "event", event.id
        for name in self.stable.split_by:
            if name in event.entities:
                kind, entity = name, event.entities[name]
                break
        fraction = split_fraction(event.tenant, kind, entity, candidate.digest)
        if fraction < self.percent / 100:
            return "candidate", candidate
        return "stable", self.stable

    def specs(self) -> tuple[FeatureSpec, ...]:
        """Return the feature specs of the releases, each once."""
        loaded = [self.stable] if self.candidate is None else [self.stable, self.candidate]
        return tuple({release.spec.digest: release.spec for release in loaded}.values())

    def model_server_urls(self) -> set[str]:
        """Return where the models of the releases are called."""
        releases = (self.stable, self.candidate)
        return {model.url for one in releases if one for model in one.remote_models}

    def by_digest(self, digest: str) -> LoadedRelease | None:
        """Return the loaded release of a digest, if it is one of the two."""
        for release in (self.stable, self.candidate):
            if release is not None and release.digest == digest:
                return release
        return None

    def served(self) -> Served:
        """Say what is served."""
        served = Served(
            stable=self.stable.digest,
            candidate=self.candidate.digest if self.candidate else None,
            percent=self.percent if self.candidate else 0.0,
            state="Ready",
        )
        return served.without(self.candidate_refusal)
