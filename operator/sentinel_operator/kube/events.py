"""Kubernetes Events: what a person sees under ``kubectl describe``."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sentinel_core.clock import Clock, from_us
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.kinds import EVENT

MAX_NOTE_BYTES = 1024
"""Of an Event's note (Kubernetes, pkg/apis/core/validation/events.go)."""
CONTROLLER = "sentinel.dev/operator"


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts Events in the name of one operator process.

    Attributes
    ----------
    instance : which process, at most 128 characters
    """

    client: KubeClient
    clock: Clock
    instance: str

    async def post(
        self,
        about: Mapping[str, Any],
        type_: Literal["Normal", "Warning"],
        reason: str,
        message: str,
    ) -> None:
        """Post one Event about a resource; a longer message ends in an ellipsis."""
        metadata = about["metadata"]
        name = f"{metadata['name']}.{uuid.uuid4().hex[:16]}"
        await self.client.write(
            "POST",
            EVENT.path(metadata["namespace"]),
            {
                "apiVersion": EVENT.api_version,
                "kind": EVENT.name,
                "metadata": {"name": name, "namespace": metadata["namespace"]},
                "eventTime": from_us(self.clock.now_us()).isoformat(timespec="microseconds"),
                "reportingController": CONTROLLER,
                "reportingInstance": self.instance[:128],
                "action": "Reconcile",
                "type": type_,
                "reason": reason,
                "note": shorten(message),
                "regarding": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                    "resourceVersion": metadata["resourceVersion"],
                },
            },
        )


def shorten(message: str) -> str:
    """Cut a message to what an Event takes, and say that it was cut.

    Examples
    --------
    >>> shorten("a" * 2000)[-4:]
    'a...'
    """
    data = message.encode()
    if len(data) <= MAX_NOTE_BYTES:
        return message
    return data[: MAX_NOTE_BYTES - 3].decode(errors="ignore") + "..."
