"""Every error that Sentinel raises on purpose.

One tree, so that each border (HTTP, command line, operator) maps errors in one place. An error says
what happened in its message, what to do next in ``user_action``, and whether the same call may
succeed later in ``retryable``. ``code`` is stable: clients and runbooks may rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class SentinelError(Exception):
    """Base of the tree.

    Parameters
    ----------
    message : str
        What happened, with the name of the thing it happened to.
    user_action : str
        The next thing to do, as an imperative sentence.
    """

    code: ClassVar[str] = "internal"
    retryable: bool = False

    def __init__(self, message: str, *, user_action: str) -> None:
        super().__init__(message)
        self.message = message
        self.user_action = user_action

    def __str__(self) -> str:
        return f"{self.message} {self.user_action}"


class UnexpectedError(SentinelError):
    """Work that must go on by itself met an error that nobody foresaw. Retryable: nobody knows."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input, at the place where its author can mend it.

    ``location`` is a dotted path in a request body (``payload.amount``) or ``path:line:column`` in a
    file; lines and columns count from 1.
    """

    location: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message} ({self.hint})"


class ProblemsError(SentinelError):
    """An input with one or more faults, all of them named at once."""

    def __init__(self, message: str, problems: tuple[Problem, ...], *, user_action: str) -> None:
        super().__init__(message, user_action=user_action)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {p}" for p in self.problems), self.user_action])


class InvalidEventError(ProblemsError):
    """An event was refused before any state changed. Retryable: no."""

    code = "invalid_event"


class InvalidRequestError(ProblemsError):
    """A request other than an event is malformed. Retryable: no."""

    code = "invalid_request"


class InvalidDocumentError(ProblemsError):
    """A spec, rule pack, list or manifest is not valid. Retryable: no."""

    code = "invalid_document"


class InvalidTableError(ProblemsError):
    """A table of events or labels is not valid. Retryable: no."""

    code = "invalid_table"


class ConflictError(SentinelError):
    """The same id came with another body. Retryable: no."""

    code = "conflict"


class NotFoundError(SentinelError):
    """The named thing does not exist for this tenant. Retryable: no."""

    code = "not_found"


class UnauthenticatedError(SentinelError):
    """No credential, or one that is not known. Retryable: no."""

    code = "unauthenticated"


class ForbiddenError(SentinelError):
    """The credential's role does not allow this. Retryable: no."""

    code = "forbidden"


class TooLargeError(SentinelError):
    """An input is over its stated limit. Retryable: no."""

    code = "too_large"


class NotReadyError(SentinelError):
    """The service is starting, or holds no release yet. Retryable: yes."""

    code = "not_ready"
    retryable = True


class ModelServerNotReadyError(NotReadyError):
    """A model's server does not serve the artifact that a release names. Retryable: yes."""

    code = "model_server_not_ready"


class StoreUnavailableError(SentinelError):
    """The record could not be written or read in time. Retryable: yes."""

    code = "store_unavailable"
    retryable = True


class StoreLockedError(SentinelError):
    """Another process writes this record. Retryable: once that process has ended."""

    code = "store_locked"
    retryable = True


class ConfigurationError(SentinelError):
    """A setting of this process is missing or contradicts another. Retryable: no."""

    code = "configuration"


class ArtifactError(SentinelError):
    """A model artifact was refused.

    ``reason`` is a CamelCase word that status conditions and runbooks use, such as
    ``DigestMismatch``. Retryable: only where the store could not be reached
    (``StoreUnreachable``).
    """

    code = "artifact_refused"

    def __init__(self, reason: str, message: str, *, user_action: str) -> None:
        super().__init__(message, user_action=user_action)
        self.reason = reason
        self.retryable = reason == "StoreUnreachable"


class ReleaseError(SentinelError):
    """A release could not be compiled or taken up.

    ``reason`` is a CamelCase word as in `ArtifactError`; ``digest`` names the release where only its
    bytes are known, since they could not be read as one. Retryable: no.
    """

    code = "release_refused"

    def __init__(
        self, reason: str, message: str, *, user_action: str, digest: str | None = None
    ) -> None:
        super().__init__(message, user_action=user_action)
        self.reason = reason
        self.digest = digest
