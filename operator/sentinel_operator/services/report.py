"""What a pod says when it is asked ``GET /served``, as far as decisions read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel_core.ids import DIGEST_PATTERN
from sentinel_operator.services.fault import UNKNOWN, Fault, find_fault

_Digest = Annotated[str, Field(pattern=DIGEST_PATTERN.pattern)]


class Report(BaseModel):
    """The answer of a decision server or of a model server.

    Attributes
    ----------
    stable, candidate : digests of what is loaded whole
    state : ``Refused`` goes on with what it had
    reason, message : why something is missing
    refused : digest of what is refused; None where the fault lies elsewhere
    retrying : whether the server tries the same again by itself
    loaded : digests of every artifact that a model server can be asked for
    refused_others : of a model server, by the digest that is assigned beside the default one
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    stable: _Digest | None = None
    candidate: _Digest | None = None
    state: Literal["Starting", "Ready", "Refused"] = "Starting"
    reason: str | None = None
    message: str | None = None
    refused: _Digest | None = None
    retrying: bool = False
    loaded: Annotated[tuple[_Digest, ...], Field(strict=False)] = ()
    refused_others: dict[str, Mapping[str, Any]] = {}

    def find_fault(self, pod: str, resource: str) -> Fault:
        """Return the fault that the refusal tells of."""
        message = f"Pod {pod}: {self.message or 'it gives no message'}"
        return find_fault(self.reason or UNKNOWN, message, resource)


def read_report(answer: Mapping[str, Any] | None) -> Report | None:
    """Read an answer; None where there is none, or one that is no report.

    A pod runs whatever image its spec names, so that its answer may be anything.
    """
    try:
        return None if answer is None else Report.model_validate(answer)
    except ValidationError:
        return None
