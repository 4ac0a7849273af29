"""Who wrote what to the API server, as it recorded it itself."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness.kubectl import Kubectl

PATIENCE_SECONDS = 30
_MARK = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_POD = "authentication.kubernetes.io/pod-name"
"""Which the API server knows from a token that is bound to a pod (KEP-4193)."""
_MARK_BODY = '{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}'


@dataclass(frozen=True, slots=True)
class Write:
    """One call that asked for a change, whatever came of it.

    Attributes
    ----------
    verb : create, update, patch, delete or deletecollection
    name : of the object; empty where a create leaves it to the body, and for collections
    code : HTTP status of the answer; from 400 on, nothing was changed
    dry_run : whether it was asked not to change anything
    pod : that the client's token was made for; empty for clients outside of pods
    received_at : seconds since 1970, by the API server's clock
    """

    verb: str
    user_agent: str
    user: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    dry_run: bool
    pod: str
    received_at: float


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log that an API server writes.

    It writes a line when it has answered. A place in the log is therefore found by a call of our own
    that changes nothing, and whose line is waited for.
    """

    path: Path
    kubectl: Kubectl

    def mark(self) -> int:
        """Return the place after all that was answered so far, to count from."""
        mark = uuid.uuid4().hex
        self.kubectl("create", "--raw", f"{_MARK}?fieldManager={mark}", "-f", "-", stdin=_MARK_BODY)
        until = time.monotonic() + PATIENCE_SECONDS
        while (place := self._end_of_line_with(mark)) is None:
            assert time.monotonic() < until, f"{self.path} never said what was asked under {mark}"
            time.sleep(0.05)
        return place

    def writes(self, since: int = 0, *, user_agent: str = "") -> list[Write]:
        """Return what was written between a mark and now, in the order of the answers.

        Parameters
        ----------
        since : what `mark` returned
        user_agent : how the client's user agent must begin
        """
        with self.path.open("rb") as log:
            log.seek(since)
            lines = log.read(self.mark() - since).splitlines()
        events = [json.loads(line) for line in lines]
        return [
            _write(event)
            for event in events
            if event["stage"] == "ResponseComplete"
            and event["objectRef"]["resource"] != "selfsubjectreviews"
            and event.get("userAgent", "").startswith(user_agent)
        ]

    def _end_of_line_with(self, mark: str) -> int | None:
        text = self.path.read_bytes()
        at = text.find(mark.encode())
        end = text.find(b"\n", at) if at >= 0 else -1
        return end + 1 if end >= 0 else None


def _write(event: dict[str, Any]) -> Write:
    what = event["objectRef"]
    received = dt.datetime.fromisoformat(event["requestReceivedTimestamp"])
    return Write(
        verb=event["verb"],
        user_agent=event.get("userAgent", ""),
        user=event["user"]["username"],
        group=what.get("apiGroup", ""),
        resource=what["resource"],
        subresource=what.get("subresource", ""),
        namespace=what.get("namespace", ""),
        name=what.get("name", ""),
        code=event["responseStatus"]["code"],
        dry_run="dryRun=" in event["requestURI"],
        pod=(event["user"].get("extra", {}).get(_POD) or [""])[0],
        received_at=received.timestamp(),
    )
