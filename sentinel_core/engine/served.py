"""What a decision server says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sentinel_core.errors import (
    ArtifactError,
    InvalidDocumentError,
    NotReadyError,
    ReleaseError,
    SentinelError,
    UnexpectedError,
)

_ABOUT_A_RELEASE = (ReleaseError, ArtifactError, InvalidDocumentError)
"""Errors that a release, or what it names, is to blame for; all others lie around it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something that should be served is not.

    Attributes
    ----------
    digest : of the release that was to be taken up; None where the fault does not lie in one
    """

    error: SentinelError
    digest: str | None = None

    @classmethod
    def of(cls, error: SentinelError, digest: str | None = None) -> Refusal:
        """Blame the release that was being taken up, where the error is about one."""
        own: str | None = getattr(error, "digest", None)
        return cls(error, (own or digest) if isinstance(error, _ABOUT_A_RELEASE) else None)

    @property
    def reason(self) -> str:
        """The CamelCase word for it: the error's own reason, else its kind."""
        kind = type(self.error).__name__.removesuffix("Error")
        reason: str = getattr(self.error, "reason", kind)
        return reason

    @classmethod
    def unexpected(cls, what: str, error: Exception, digest: str | None = None) -> Refusal:
        """Say that something failed in a way that nobody foresaw, and that the log has its trace."""
        action = "Look into the log for its trace and report it."
        return cls(UnexpectedError(f"{what}: {error!r}.", user_action=action), digest)

    @property
    def retries(self) -> bool:
        """Whether the same may succeed without a change of the releases."""
        return self.error.retryable or isinstance(self.error, UnexpectedError)

    @property
    def waits(self) -> bool:
        """Whether nothing is wrong yet: what is needed has only not come."""
        return isinstance(self.error, NotReadyError)


@dataclass(frozen=True, slots=True)
class Served:
    """What is served now; the answer of ``GET /served``.

    Attributes
    ----------
    stable, candidate : digests of the releases that are loaded whole; None where there is none
    percent : share of entities that the candidate gets, in [0, 100]
    state : ``Starting`` serves nothing yet, ``Ready`` serves, ``Refused`` goes on with what it had
    reason : CamelCase word for why something is missing; ``message`` says more and names the next
        action. With ``Refused`` it is wrong, else it has not come yet
    refused : digest of the release that is refused; None where the fault does not lie in one
    retrying : whether the server tries the same again by itself
    """

    stable: str | None
    candidate: str | None
    percent: float
    state: Literal["Starting", "Ready", "Refused"]
    reason: str | None = None
    message: str | None = None
    refused: str | None = None
    retrying: bool = False

    def without(self, refusal: Refusal | None) -> Served:
        """Say in addition what is missing, and why."""
        if refusal is None:
            return self
        return replace(
            self,
            state=self.state if refusal.waits else "Refused",
            reason=refusal.reason,
            message=str(refusal.error),
            refused=None if refusal.waits else refusal.digest,
            retrying=refusal.retries,
        )
