"""From the core's values to the answers that clients get."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Response
from pydantic import BaseModel

from sentinel_bentos.decision import schemas
from sentinel_bentos.decision.problems import describe
from sentinel_core.clock import format_us
from sentinel_core.decision import Decision
from sentinel_core.engine.feedback import Feedback
from sentinel_core.engine.replay import Replay
from sentinel_core.engine.served import Served
from sentinel_core.errors import SentinelError


def answer_json(answer: BaseModel) -> Response:
    """Answer with a model's JSON."""
    return Response(answer.model_dump_json(), media_type="application/json")


def score_answer(decision: Decision) -> schemas.ScoreAnswer:
    """Return what a client is told of a decision. Equal decisions give equal bytes."""
    return schemas.ScoreAnswer(
        id=decision.id,
        event_id=decision.event_id,
        score=decision.score,
        level=decision.level,
        outcome=decision.outcome,
        coverage=decision.coverage,
        reasons=_reasons(decision),
        signals=tuple(
            schemas.SignalAnswer(name=s.name, status=s.status, score=s.score)
            for s in decision.signals
        ),
        degraded=decision.degraded,
        release=decision.release_digest,
        arm=decision.arm,
        created_at=format_us(decision.created_at_us),
    )


def batch_answer(results: Iterable[Decision | SentinelError]) -> schemas.BatchAnswer:
    """Return what came of each event of a batch."""
    return schemas.BatchAnswer(results=tuple(_batch_item(result) for result in results))


def record_answer(decision: Decision, names: tuple[str, ...]) -> schemas.DecisionRecord:
    """Return everything that is recorded of a decision; ``names`` are those of its vector."""
    return schemas.DecisionRecord(
        id=decision.id,
        event_id=decision.event_id,
        event_digest=decision.event_digest,
        seq=decision.seq,
        tenant=decision.tenant,
        score=decision.score,
        level=decision.level,
        outcome=decision.outcome,
        coverage=decision.coverage,
        explained=decision.explained,
        reasons=_reasons(decision),
        signals=tuple(
            schemas.RecordedSignal(
                name=s.name, status=s.status, score=s.score,
                kind=s.kind, raw=s.raw, cap=s.cap, hard_outcome=s.hard_outcome,
            )
            for s in decision.signals
        ),
        hits=tuple(
            schemas.RecordedHit(
                rule_id=h.rule_id, name=h.name, category=h.category, outcome=h.outcome,
                points=h.points, floor=h.floor, cap=h.cap, text=h.text,
            )
            for h in decision.hits
        ),
        features=dict(zip(names, decision.vector, strict=True)),
        degraded=decision.degraded,
        release=decision.release_digest,
        arm=decision.arm,
        feature_spec=decision.feature_spec_digest,
        artifacts=decision.artifact_digests,
        runtime=decision.runtime,
        stage_us=decision.stage_us,
        created_at=format_us(decision.created_at_us),
    )  # fmt: skip


def replay_answer(replay: Replay) -> schemas.ReplayAnswer:
    """Return how a replay ended."""
    return schemas.ReplayAnswer(
        id=replay.decision_id,
        equal=replay.equal,
        proved=replay.proved,
        differences=replay.differences,
    )


def feedback_answer(feedback: Feedback) -> schemas.FeedbackAnswer:
    """Return what became of a verdict."""
    return schemas.FeedbackAnswer(
        event_id=feedback.event_id,
        verdict=feedback.verdict,
        label=feedback.label,
        known_at=format_us(feedback.known_at_us),
        repeated=feedback.repeated,
    )


def served_answer(served: Served) -> schemas.ServedAnswer:
    """Return what a server says of itself."""
    return schemas.ServedAnswer(
        stable=served.stable,
        candidate=served.candidate,
        percent=served.percent,
        state=served.state,
        reason=served.reason,
        message=served.message,
        refused=served.refused,
        retrying=served.retrying,
    )


def _batch_item(result: Decision | SentinelError) -> schemas.BatchItem:
    if isinstance(result, SentinelError):
        return schemas.BatchItem(problem=describe(result))
    return schemas.BatchItem(decision=score_answer(result))


def _reasons(decision: Decision) -> tuple[schemas.Reason, ...]:
    return tuple(
        schemas.Reason(source=r.source, code=r.code, text=r.text, points=r.points)
        for r in decision.reasons
    )
