"""From an admitted event to its decision: at once, or waiting for models that are placed elsewhere.

An event is admitted to the entity logs as it arrives, so that the next one sees it; what follows may
take its time without a change of what anybody sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sentinel_core.clock import Clock
from sentinel_core.decision import Decision, to_recorded_vector
from sentinel_core.engine.assess import Assessment, assess, explain
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.observe import Observation
from sentinel_core.engine.record import (
    degraded_parts,
    recorded_hits,
    recorded_reasons,
    recorded_signals,
)
from sentinel_core.events import Event
from sentinel_core.features.kernel import Vector
from sentinel_core.ids import decision_id
from sentinel_core.signals.signal import Signal

EXPLAINED_OUTCOMES = ("review", "block")
"""Outcomes that a person must be able to question, so their contributions are always computed."""
COMMIT_RESERVE_NS = 10_000_000
"""What models that are called leave of the budget for the commit: on a disk that syncs in some
milliseconds, one that has just begun and the one after it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An event that stands in the entity logs, with what it met there.

    Attributes
    ----------
    arm, release : what it is decided by
    seq : its place in the order of arrival
    explain : whether contributions are wanted whatever the outcome
    started_ns : when it was admitted, on the clock's ``elapsed_ns``; ``observed_ns`` once its
        features were computed
    """

    event: Event
    observation: Observation
    arm: Literal["stable", "candidate"]
    release: LoadedRelease
    seq: int
    explain: bool
    started_ns: int
    observed_ns: int

    @property
    def vector(self) -> Vector:
        """The event's features in the order of the release's spec."""
        return self.observation.vectors[self.release.spec.digest]


def judge_here(admitted: Admitted, clock: Clock) -> Decision:
    """Judge an event by a release whose models all are in this process."""
    assessment = _assess(admitted, clock, {})
    explained = admitted.explain or assessment.risk.outcome in EXPLAINED_OUTCOMES
    return _write_down(admitted, assessment, clock, clock.elapsed_ns(), explained=explained)


async def judge_asking(admitted: Admitted, clock: Clock, deadline_ns: int | None) -> Decision:
    """Judge an event by a release with models at their servers, all of them asked at once.

    Contributions are asked for with the score where the caller wants them, and once more where the
    outcome asks for them: most events are approved, and computing contributions costs a server more
    than the score does. Without an answer to that, reasons stay those of signals.

    Parameters
    ----------
    deadline_ns : int or None
        When the decision must be recorded, on the clock's ``elapsed_ns``.
    """
    until_ns = None if deadline_ns is None else deadline_ns - COMMIT_RESERVE_NS
    asking_ns = clock.elapsed_ns()
    asked = await _ask(admitted, until_ns, explain=admitted.explain)
    waited_us = (clock.elapsed_ns() - asking_ns) // 1000
    assessment = _assess(admitted, clock, asked, waited_us=waited_us)
    explaining_ns = clock.elapsed_ns()
    explained = admitted.explain or assessment.risk.outcome in EXPLAINED_OUTCOMES
    silent: tuple[str, ...] = ()
    if explained and not admitted.explain:
        assessment, silent = await _ask_why(admitted, assessment, until_ns)
    return _write_down(
        admitted, assessment, clock, explaining_ns,
        explained=explained and not silent,
        degraded=tuple(f"reasons:{name}" for name in silent),
    )  # fmt: skip


async def _ask_why(
    admitted: Admitted, assessment: Assessment, until_ns: int | None
) -> tuple[Assessment, tuple[str, ...]]:
    """Give the signals of models their reasons, or name the models that did not say.

    Only what has answered is asked again, so that a server that hangs is waited for once.
    """
    answered = frozenset(s.name for s in assessment.signals if s.status == "ok")
    told = await _ask(admitted, until_ns, explain=True, only=answered)
    silent = tuple(name for name, signal in told.items() if signal.status != "ok")
    if silent:
        return assessment, silent
    signals = tuple(
        replace(s, reasons=told[s.name].reasons) if s.name in told else s
        for s in assessment.signals
    )
    return replace(assessment, signals=signals), ()


async def _ask(
    admitted: Admitted,
    until_ns: int | None,
    *,
    explain: bool,
    only: frozenset[str] | None = None,
) -> dict[str, Signal]:
    """Ask the models of the release, each within its deadline."""
    models = [m for m in admitted.release.models if only is None or m.name in only]
    asking = (
        model.ask(admitted.vector, history_lost=False, explain=explain, until_ns=until_ns)
        for model in models
    )
    signals = await asyncio.gather(*asking)
    return {model.name: signal for model, signal in zip(models, signals, strict=True)}


def _assess(
    admitted: Admitted, clock: Clock, given: Mapping[str, Signal], *, waited_us: int = 0
) -> Assessment:
    event = admitted.event
    assessment = assess(
        admitted.release, event.fields, admitted.vector,
        at_us=event.received_at_us, clock=clock, given=given,
    )  # fmt: skip
    assessment.stage_us["signals"] += waited_us
    return assessment


def _write_down(  # noqa: PLR0913 - what is known of the event by now
    admitted: Admitted,
    assessment: Assessment,
    clock: Clock,
    explaining_ns: int,
    *,
    explained: bool,
    degraded: tuple[str, ...] = (),
) -> Decision:
    """Write down everything that the answer rests on."""
    event, release, risk = admitted.event, admitted.release, assessment.risk
    vector = admitted.vector
    reasons = explain(release, assessment, vector, with_contributions=explained)
    stage_us = {
        "features": (admitted.observed_ns - admitted.started_ns) // 1000,
        **assessment.stage_us,
        "reasons": (clock.elapsed_ns() - explaining_ns) // 1000,
    }
    return Decision(
        id=decision_id(event.tenant, event.id),
        tenant=event.tenant,
        event_id=event.id,
        event_digest=event.digest,
        seq=admitted.seq,
        score=risk.score,
        level=risk.level,
        outcome=risk.outcome,
        coverage=risk.coverage,
        feature_spec_digest=release.spec.digest,
        release_digest=release.digest,
        arm=admitted.arm,
        created_at_us=clock.now_us(),
        explained=explained,
        reasons=recorded_reasons(reasons),
        signals=recorded_signals(assessment),
        hits=recorded_hits(assessment),
        vector=to_recorded_vector(vector),
        degraded=degraded_parts(assessment, late=admitted.observation.late) + degraded,
        artifact_digests=release.artifact_digests,
        runtime=release.runtime,
        stage_us=stage_us,
    )
