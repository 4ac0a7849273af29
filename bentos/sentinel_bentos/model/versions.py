"""The versions of the model that can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import NotFoundError, NotReadyError


@dataclass(frozen=True, slots=True, eq=False)
class Versions:
    """What is loaded. Never changed: a change is another value in its place.

    A request keeps the model that it found, so that one which is dropped here answers what is under
    way and is freed with the last of it.

    Attributes
    ----------
    name : of the SentinelModel
    default : the model that a request without a version gets; None before the first one is loaded
    by_digest : every loaded model, the default one first
    coming : digests that are assigned and not loaded yet
    """

    name: str
    default: LoadedModel | None = None
    by_digest: Mapping[str, LoadedModel] = field(default_factory=dict)
    coming: frozenset[str] = frozenset()

    def find(self, name: str, version: str) -> LoadedModel:
        """Return a model; an empty version is the default one.

        Raises
        ------
        NotFoundError
            There is no such model, or no such version of it. Retryable: no.
        NotReadyError
            The version is being loaded. Retryable: yes.
        """
        if name != self.name:
            raise NotFoundError(
                f"There is no model {name[:64]!r}.", user_action=f"This server has {self.name!r}."
            )
        model = self.by_digest.get(version) if version else self.default
        if model is not None:
            return model
        if not version or version in self.coming:
            raise NotReadyError(
                f"The model {self.name} is not loaded yet, or not in this version.",
                user_action="Wait a few seconds and try again.",
            )
        raise NotFoundError(
            f"There is no version {version[:80]!r} of {self.name}.",
            user_action=f"Loaded are {', '.join(self.by_digest) or 'none'}.",
        )
