"""What every pod says it serves: ``GET /served`` on its port 3002."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from sentinel_core.clock import Clock
from sentinel_operator.kube.connect import USER_AGENT
from sentinel_operator.kube.kinds import ResourceKey
from sentinel_operator.metrics import OperatorMetrics

PORT = 3002
PATIENCE_SECONDS = 1.5
"""A pod answers from memory, in a millisecond; beyond a second it cannot serve either."""
MAX_BYTES = 64 * 1024
"""A report names a few digests and a message; a model server at most all that it has loaded."""
SOON_SECONDS = 0.5
"""Between two questions while a plan waits for the answer."""
AT_ONCE = 64
"""Pods that are asked at the same moment."""

Report = Mapping[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A pod that can be asked.

    Attributes
    ----------
    life : differs between two lives of a pod of the same name, and of its container
    """

    name: str
    address: str
    life: str


def askable(pods: Iterable[Mapping[str, Any]]) -> tuple[Asked, ...]:
    """Return the pods that run and are not about to end, sorted by name."""
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        address = str(status.get("podIP") or "")
        ending = bool(pod["metadata"].get("deletionTimestamp"))
        if address and status.get("phase") == "Running" and not ending:
            containers = status.get("containerStatuses") or ()
            lives = [str(c.get("containerID", "")) for c in containers]
            life = " ".join([pod["metadata"]["uid"], *lives])
            found.append(Asked(pod["metadata"]["name"], address, life))
    return tuple(sorted(found, key=lambda asked: asked.name))


def parse_report(text: bytes) -> Report | None:
    """Read an answer; None where it is not a report.

    NaN and infinities are no JSON, and a number that is so large that it reads as one is no report
    either: what compares with nothing must not be mistaken for an answer.
    """
    try:
        report = msgspec.json.decode(text)
        return report if isinstance(report, dict) and _is_finite(report) else None
    except (ValueError, RecursionError):
        # No JSON, no UTF-8 within a string, or nested deeper than any report.
        return None


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_finite(inner) for inner in value)
    return True


@dataclass(slots=True)
class _Questions:
    """What is asked for one resource.

    Attributes
    ----------
    pods : to be asked
    answers : of those that were
    soon : whether a plan waits for answers
    asked_ns : when they were last asked, on the monotonic clock
    asking : whether they are being asked
    over : set when they were asked
    awaited : whether a round waits for that
    """

    pods: tuple[Asked, ...] = ()
    answers: dict[Asked, Report | None] = field(default_factory=dict)
    soon: bool = False
    asked_ns: int | None = None
    asking: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    awaited: bool = False


class PodReports:
    """Asks pods again and again, and tells when an answer changes.

    Rounds take the answers that are there; only a pod that was never asked in its present life keeps
    one waiting, for `PATIENCE_SECONDS` where it hangs. The API server's token is never sent: the
    session is one of its own.

    Parameters
    ----------
    slow_seconds : between two questions while nobody waits for the answer
    changed : called with a resource of which a pod answers something else than before
    """

    def __init__(
        self,
        clock: Clock,
        metrics: OperatorMetrics,
        slow_seconds: float,
        changed: Callable[[ResourceKey], None],
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._slow_seconds = slow_seconds
        self._changed = changed
        self._questions: dict[ResourceKey, _Questions] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._wake = asyncio.Event()

    def expect(self, key: ResourceKey, pods: tuple[Asked, ...], *, soon: bool) -> None:
        """Say which pods of a resource are to be asked, and whether their answers are waited for."""
        questions = self._questions.setdefault(key, _Questions())
        questions.pods, questions.soon = pods, soon
        questions.answers = {
            pod: questions.answers[pod] for pod in pods if pod in questions.answers
        }
        self._wake.set()

    def forget(self, key: ResourceKey) -> None:
        """Ask no more for a resource."""
        self._questions.pop(key, None)

    async def answers(
        self, key: ResourceKey, pods: tuple[Asked, ...]
    ) -> list[tuple[str, Report | None]]:
        """Return what the pods last answered, in their order.

        Pods that were never asked are asked first: to a process that has just begun, none has said
        anything yet, and that must not pass for serving nothing.
        """
        questions = self._questions.setdefault(key, _Questions())
        while any(pod not in questions.answers for pod in pods):
            questions.pods, questions.awaited = pods, True
            questions.over.clear()
            self._wake.set()
            await questions.over.wait()
        return [(pod.name, questions.answers[pod]) for pod in pods]

    async def run(self) -> None:
        """Ask until cancelled."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with (
            aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}, timeout=timeout) as session,
            asyncio.TaskGroup() as asking,
        ):
            while True:
                self._wake.clear()
                for key, questions in list(self._questions.items()):
                    if self._is_due(questions):
                        questions.asking = True
                        asking.create_task(self._ask(session, key, questions))
                with suppress(TimeoutError):
                    async with asyncio.timeout(SOON_SECONDS):
                        await self._wake.wait()

    def _is_due(self, questions: _Questions) -> bool:
        if questions.asking or not questions.pods:
            return False
        if questions.asked_ns is None or any(p not in questions.answers for p in questions.pods):
            return True
        passed_seconds = (self._clock.elapsed_ns() - questions.asked_ns) / 1e9
        return passed_seconds >= (SOON_SECONDS if questions.soon else self._slow_seconds)

    async def _ask(
        self, session: aiohttp.ClientSession, key: ResourceKey, questions: _Questions
    ) -> None:
        pods, before = questions.pods, dict(questions.answers)
        reports = await asyncio.gather(*(self._fetch(session, pod) for pod in pods))
        questions.asking = False
        questions.asked_ns = self._clock.elapsed_ns()
        now = {pod: r for pod, r in zip(pods, reports, strict=True) if pod in questions.pods}
        questions.answers = now
        if now != before and not questions.awaited and self._questions.get(key) is questions:
            self._changed(key)
        questions.awaited = False
        questions.over.set()

    async def _fetch(self, session: aiohttp.ClientSession, pod: Asked) -> Report | None:
        outcome, report = "no_answer", None
        try:
            async with self._at_once:
                text = await _read(session, pod)
            report = None if text is None else parse_report(text)
            outcome = "not_a_report" if report is None else "answered"
        except (aiohttp.ClientError, TimeoutError):
            pass  # the outcome says so
        except Exception:
            # Whatever a pod sends must not end the questions to all others, nor the process.
            logger.exception("pod %s: a fault in the operator", pod.name)
            outcome = "not_a_report"
        self._metrics.pod_reports.labels(outcome).inc()
        return report


async def _read(session: aiohttp.ClientSession, pod: Asked) -> bytes | None:
    """Return what a pod answers; None where it is an error or too long to be a report."""
    host = f"[{pod.address}]" if ":" in pod.address else pod.address
    async with session.get(f"http://{host}:{PORT}/served", allow_redirects=False) as answer:
        text = await answer.content.read(MAX_BYTES + 1)
        while len(text) <= MAX_BYTES and not answer.content.at_eof():
            text += await answer.content.read(MAX_BYTES + 1 - len(text))
        return text if answer.status == 200 and len(text) <= MAX_BYTES else None
