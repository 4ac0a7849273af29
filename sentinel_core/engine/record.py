"""What is recorded of an assessment, and back."""

from __future__ import annotations

from sentinel_core.decision import RecordedHit, RecordedReason, RecordedSignal
from sentinel_core.engine.assess import Assessment
from sentinel_core.fusion import PointedReason
from sentinel_core.signals.signal import Signal


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
