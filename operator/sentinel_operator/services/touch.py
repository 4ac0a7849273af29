"""Having kubelets refresh what pods have mounted.

A kubelet refreshes a mounted ConfigMap every minute or so, and 0.2 s after an annotation of the pod
changed (measured). So pods that have not confirmed are touched: at once, and again after growing waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sentinel_core.ids import canonical_json
from sentinel_operator.services.plan import Object, Touch

TOUCH_ANNOTATION = "sentinel.dev/release"
LONGEST_WAIT_SECONDS = 60.0
"""By then the kubelet refreshes by itself."""


def token_of(data: Mapping[str, str]) -> str:
    """Name the content of a ConfigMap: 16 hexadecimal digits."""
    return hashlib.sha256(canonical_json(dict(data))).hexdigest()[:16]


def plan_touches(
    pods: Iterable[Object], token: str, now: float
) -> tuple[tuple[Touch, ...], float | None]:
    """Return which pods are to be touched now, and in how many seconds the next one is.

    The annotation is ``<token>-<attempt>-<seconds since 1970>``: the pod itself remembers.

    Parameters
    ----------
    pods : those that have not confirmed
    token : of the content that they are to see
    """
    touches: list[Touch] = []
    waits: list[float] = []
    for pod in pods:
        metadata = pod["metadata"]
        said = (metadata.get("annotations") or {}).get(TOUCH_ANNOTATION, "")
        attempt, due = _next(said, token)
        if due <= now:
            value = f"{token}-{attempt}-{int(now)}"
            touches.append(Touch(metadata["name"], TOUCH_ANNOTATION, value))
            due = now + _wait_seconds(attempt)
        waits.append(due - now)
    return tuple(touches), min(waits, default=None)


def _next(said: str, token: str) -> tuple[int, float]:
    """Return the number of the next touch, and when it is due."""
    known, _, rest = said.partition("-")
    attempt, _, at = rest.partition("-")
    if known != token or not attempt.isdigit() or not at.isdigit():
        return 0, 0.0
    return int(attempt) + 1, int(at) + _wait_seconds(int(attempt))


def _wait_seconds(attempt: int) -> float:
    return min(2.0**attempt, LONGEST_WAIT_SECONDS)


def soonest(*waits: float | None) -> float | None:
    """Return the shortest of some waits, in seconds; None where nothing is waited for."""
    return min((wait for wait in waits if wait is not None), default=None)
