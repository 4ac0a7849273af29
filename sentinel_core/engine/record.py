"""From an assessment to the decision that is recorded."""

from __future__ import annotations

from typing import Literal

from sentinel_core.clock import Clock
from sentinel_core.decision import (
    Decision,
    RecordedHit,
    RecordedReason,
    RecordedSignal,
    to_recorded_vector,
)
from sentinel_core.engine.assess import Assessment, assess, explain
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.observe import Observation
from sentinel_core.events import Event
from sentinel_core.fusion import PointedReason
from sentinel_core.ids import decision_id
from sentinel_core.signals.signal import Signal

EXPLAINED_OUTCOMES = ("review", "block")
"""Outcomes that a person must be able to question, so their contributions are always computed."""


def build_decision(  # noqa: PLR0913 - what the engine knows of the event
    release: LoadedRelease,
    event: Event,
    observation: Observation,
    *,
    arm: Literal["stable", "candidate"],
    seq: int,
    explained: bool,
    clock: Clock,
    started_ns: int,
) -> Decision:
    """Judge an observed event and write down everything the answer rests on."""
    vector = observation.vectors[release.spec.digest]
    observed_ns = clock.elapsed_ns()
    assessment = assess(release, event.fields, vector, at_us=event.received_at_us, clock=clock)
    explained = explained or assessment.risk.outcome in EXPLAINED_OUTCOMES
    explaining_ns = clock.elapsed_ns()
    reasons = explain(release, assessment, vector, with_contributions=explained)
    stage_us = {
        "features": (observed_ns - started_ns) // 1000,
        **assessment.stage_us,
        "reasons": (clock.elapsed_ns() - explaining_ns) // 1000,
    }
    risk = assessment.risk
    return Decision(
        id=decision_id(event.tenant, event.id),
        tenant=event.tenant,
        event_id=event.id,
        event_digest=event.digest,
        seq=seq,
        score=risk.score,
        level=risk.level,
        outcome=risk.outcome,
        coverage=risk.coverage,
        feature_spec_digest=release.spec.digest,
        release_digest=release.digest,
        arm=arm,
        created_at_us=clock.now_us(),
        explained=explained,
        reasons=recorded_reasons(reasons),
        signals=recorded_signals(assessment),
        hits=recorded_hits(assessment),
        vector=to_recorded_vector(vector),
        degraded=degraded_parts(assessment, late=observation.late),
        artifact_digests=release.artifact_digests,
        runtime=release.runtime,
        stage_us=stage_us,
    )


def degraded_parts(assessment: Assessment, *, late: bool) -> tuple[str, ...]:
    """Name the parts that a decision was given without."""
    parts = ["late"] if late else []
    parts += [f"signal:{s.name}" for s in assessment.signals if s.status in ("late", "failed")]
    return tuple(parts)


def recorded_signals(assessment: Assessment) -> tuple[RecordedSignal, ...]:
    """Return the signals in the form that is kept."""
    return tuple(
        RecordedSignal(s.name, s.kind, s.status, s.score, s.raw, s.cap, s.hard_outcome)
        for s in assessment.signals
    )


def recorded_hits(assessment: Assessment) -> tuple[RecordedHit, ...]:
    """Return the rule hits in the form that is kept."""
    return tuple(
        RecordedHit(h.rule_id, h.name, h.category, h.outcome, h.points, h.floor, h.cap, h.text)
        for h in assessment.hits
    )


def recorded_reasons(reasons: tuple[PointedReason, ...]) -> tuple[RecordedReason, ...]:
    """Return the reasons in the form that is kept."""
    return tuple(RecordedReason(r.source, r.code, r.text, r.points) for r in reasons)


def signal_of(recorded: RecordedSignal) -> Signal:
    """Return a recorded signal as fusion takes it."""
    return Signal(
        recorded.name, recorded.kind, recorded.status, recorded.score,
        raw=recorded.raw, cap=recorded.cap, hard_outcome=recorded.hard_outcome,
    )  # fmt: skip
