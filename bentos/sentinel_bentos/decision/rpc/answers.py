"""From the core's values to the messages that clients get: the same documents as over HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from sentinel_bentos.decision.problems import describe
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.decision import Decision, RecordedHit, RecordedSignal
from sentinel_core.engine.feedback import Feedback
from sentinel_core.engine.replay import Replay
from sentinel_core.errors import SentinelError


def decision_message(decision: Decision) -> pb.Decision:
    """Return what a client is told of a decision. Equal decisions give equal messages."""
    return pb.Decision(
        id=decision.id,
        event_id=decision.event_id,
        score=decision.score,
        level=decision.level,
        outcome=decision.outcome,
        coverage=decision.coverage,
        reasons=(
            pb.Reason(source=r.source, code=r.code, text=r.text, points=r.points)
            for r in decision.reasons
        ),
        signals=map(_signal, decision.signals),
        degraded=decision.degraded,
        release=decision.release_digest,
        arm=decision.arm,
        created_at=_timestamp(decision.created_at_us),
    )


def batch_message(results: Iterable[Decision | SentinelError]) -> pb.ScoreBatchResponse:
    """Return what came of each event of a batch."""
    return pb.ScoreBatchResponse(
        results=(
            pb.BatchResult(problem=problem_message(result))
            if isinstance(result, SentinelError)
            else pb.BatchResult(decision=decision_message(result))
            for result in results
        )
    )


def record_message(decision: Decision, names: tuple[str, ...]) -> pb.DecisionRecord:
    """Return everything that is recorded of a decision; ``names`` are those of its vector."""
    return pb.DecisionRecord(
        decision=decision_message(decision),
        event_digest=decision.event_digest,
        seq=decision.seq,
        tenant=decision.tenant,
        explained=decision.explained,
        signals=map(_recorded_signal, decision.signals),
        hits=map(_hit, decision.hits),
        features=(
            pb.Feature(name=name, value=value)
            for name, value in zip(names, decision.vector, strict=True)
        ),
        feature_spec=decision.feature_spec_digest,
        artifacts=decision.artifact_digests,
        runtime=decision.runtime,
        stage_us=decision.stage_us,
    )


def replay_message(replay: Replay) -> pb.ReplayResponse:
    """Return how a replay ended."""
    return pb.ReplayResponse(
        id=replay.decision_id,
        equal=replay.equal,
        proved=replay.proved,
        differences=replay.differences,
    )


def feedback_message(feedback: Feedback) -> pb.FeedbackResponse:
    """Return what became of a verdict."""
    return pb.FeedbackResponse(
        event_id=feedback.event_id,
        verdict=feedback.verdict,
        label=feedback.label,
        known_at=_timestamp(feedback.known_at_us),
        repeated=feedback.repeated,
    )


def problem_message(error: SentinelError, most_faults: int | None = None) -> pb.Problem:
    """Return why something was refused, with the first of its faults or all."""
    problem = describe(error, most_faults)
    return pb.Problem(
        code=problem.code,
        title=problem.title,
        detail=problem.detail,
        user_action=problem.user_action,
        retryable=problem.retryable,
        errors=(
            pb.FieldProblem(location=one.location, message=one.message, hint=one.hint)
            for one in problem.errors
        ),
    )


def _signal(signal: RecordedSignal) -> pb.Signal:
    return pb.Signal(name=signal.name, status=signal.status, score=signal.score)


def _recorded_signal(signal: RecordedSignal) -> pb.RecordedSignal:
    return pb.RecordedSignal(
        signal=_signal(signal),
        kind=signal.kind,
        raw=signal.raw,
        cap=signal.cap,
        hard_outcome=signal.hard_outcome,
    )


def _hit(hit: RecordedHit) -> pb.RuleHit:
    return pb.RuleHit(
        rule_id=hit.rule_id,
        name=hit.name,
        category=hit.category,
        outcome=hit.outcome,
        points=hit.points,
        floor=hit.floor,
        cap=hit.cap,
        text=hit.text,
    )


def _timestamp(moment_us: int) -> Timestamp:
    seconds, left_us = divmod(moment_us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=left_us * 1000)
