"""Having kubelets refresh what pods have mounted.

A kubelet refreshes a mounted ConfigMap every minute or so, and 0.2 s after an annotation of the pod
changed (measured). So pods that have not confirmed are touched: at once, and a few times more. Whoever
has not confirmed by then needs no further touch: it has seen the change, or its kubelet is away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sentinel_core.ids import canonical_json
from sentinel_operator.services.plan import Object, Touch

TOUCH_ANNOTATION = "sentinel.dev/release"
WAITS_SECONDS = (1.0, 2.0, 4.0)
"""After each touch, before the next one; there is one touch more than waits."""


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
        if attempt > len(WAITS_SECONDS):
            continue
        if due <= now:
            value = f"{token}-{attempt}-{int(now)}"
            touches.append(Touch(metadata["name"], TOUCH_ANNOTATION, value))
        else:
            waits.append(due - now)
    return tuple(touches), min(waits, default=None)


def _next(said: str, token: str) -> tuple[int, float]:
    """Return the number of the next touch, and when it is due."""
    known, _, rest = said.partition("-")
    attempt, _, at = rest.partition("-")
    if known != token or not attempt.isdigit() or not at.isdigit():
        return 0, 0.0
    number = int(attempt)
    wait = WAITS_SECONDS[number] if number < len(WAITS_SECONDS) else 0.0
    return number + 1, int(at) + wait


def soonest(*waits: float | None) -> float | None:
    """Return the shortest of some waits, in seconds; None where nothing is waited for."""
    return min((wait for wait in waits if wait is not None), default=None)
