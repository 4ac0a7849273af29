"""What the API server, or the way to it, answered: the one place where that becomes our errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, ClassVar

from sentinel_core.errors import SentinelError

MAX_WORDS = 400
"""Characters of the API server's own words that a message keeps; a status condition shows them."""
MEND_REFUSAL = (
    "Change what the words name: the resource, the operator's rights, a quota, a webhook or a CRD."
)


class KubeError(SentinelError):
    """A call to the API server did not do what it should.

    ``reason`` is the word that metrics count it by. Retryable: yes, the call may succeed later.
    """

    code = "kubernetes"
    reason: ClassVar[str] = "unexpected"
    retryable = True
    retry_after_seconds: float | None = None


class ConflictedError(KubeError):
    """Somebody changed the object after it was read. Retryable: with what it is now."""

    reason = "conflict"


class AlreadyThereError(KubeError):
    """An object of that name exists. Retryable: no need, it can be read."""

    reason = "already_there"


class GoneError(KubeError):
    """There is no such object, or no such API. Retryable: no."""

    reason = "gone"
    retryable = False


class RefusedError(KubeError):
    """The API server will not have this: invalid, forbidden, over a quota or for a webhook's sake.

    ``words`` are its own. Retryable: no, until somebody changes the object, a right, a quota or
    the webhook.
    """

    reason = "refused"
    retryable = False

    def __init__(self, message: str, *, words: str, user_action: str) -> None:
        super().__init__(message, user_action=user_action)
        self.words = words


class UnauthorizedError(KubeError):
    """The API server does not know the operator's credentials. Retryable: a token is renewed."""

    reason = "unauthorized"


class ThrottledError(KubeError):
    """The API server asks for fewer calls. Retryable: after ``retry_after_seconds``."""

    reason = "throttled"


class UnavailableError(KubeError):
    """The API server failed, was late or was not reached.

    A write may have been carried out all the same. Retryable: yes.
    """

    reason = "unavailable"


class NotLeadingError(KubeError):
    """The replica may not write: it does not hold the Lease. Retryable: no, another one works."""

    reason = "not_leading"
    retryable = False


_RETRY = "Nothing to do: it is tried again. If it lasts, look at the API server's health."
_LASTING = (
    "Internal error occurred: failed calling webhook ", "admission webhook ",
    "failed to create typed patch object ",
)  # fmt: skip
"""How the words begin where an admission webhook with ``failurePolicy: Fail`` cannot be called, which
comes as 500, and where one refuses, with any code of its own (apiserver 1.34: util/webhook/error.go,
admission/plugin/webhook/errors/statuserror.go); and where an older CRD lacks a field that is applied,
which comes as 500 too. All last until somebody sees to it."""
_KINDS: Mapping[int, tuple[type[KubeError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        UnauthorizedError,
        "Check that the operator's ServiceAccount exists and its token is mounted.",
    ),
    HTTPStatus.NOT_FOUND: (GoneError, "Nothing to do, unless it should be there."),
    HTTPStatus.CONFLICT: (ConflictedError, _RETRY),
    HTTPStatus.TOO_MANY_REQUESTS: (ThrottledError, _RETRY),
}


def from_answer(
    what: str, status: int, body: Mapping[str, Any], headers: Mapping[str, str]
) -> KubeError:
    """Make the error that an answer of 400 or above stands for.

    Parameters
    ----------
    what : the call, such as ``PATCH /api/v1/namespaces/a/services/b``
    body : the answer, a Status where the API server itself gave it
    """
    words = str(body.get("message") or responses.get(status, "no words"))[:MAX_WORDS]
    message = f"{what}: {status} {words}."
    if status == HTTPStatus.CONFLICT and body.get("reason") == "AlreadyExists":
        return AlreadyThereError(message, user_action=_RETRY)
    if status == HTTPStatus.FORBIDDEN and _is_ending(body):
        return GoneError(message, user_action="Nothing to do: the namespace is being deleted.")
    lasts = words.startswith(_LASTING)
    if status in _KINDS and not lasts:
        kind, action = _KINDS[status]
        error = kind(message, user_action=action)
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR or lasts:
        error = RefusedError(message, words=words, user_action=MEND_REFUSAL)
    else:
        error = UnavailableError(message, user_action=_RETRY)
    error.retry_after_seconds = _retry_after(headers)
    return error


def from_transport(what: str, error: BaseException) -> UnavailableError:
    """Make the error of a call that got no answer."""
    return UnavailableError(f"{what}: no answer ({error!r}).", user_action=_RETRY)


def _is_ending(body: Mapping[str, Any]) -> bool:
    """Tell whether a refusal is for the end of the namespace (admission plugin NamespaceLifecycle)."""
    causes = (body.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    # The API server sends seconds, never a date (apiserver, util/flowcontrol).
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
