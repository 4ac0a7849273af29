"""Answering for decisions: the record, its replay, and what people found out."""

from __future__ import annotations

from fastapi import Request, Response

from sentinel_bentos.decision.answers import (
    answer_json,
    feedback_answer,
    record_answer,
    replay_answer,
)
from sentinel_bentos.decision.bodies import MAX_EVENT_BYTES, parse_body, read_json
from sentinel_bentos.decision.context import budget, serving_of, settings_of
from sentinel_bentos.decision.endpoints import Endpoint
from sentinel_bentos.decision.policy import caller_of
from sentinel_bentos.decision.schemas import (
    DecisionRecord,
    FeedbackAnswer,
    FeedbackRequest,
    ReplayAnswer,
)
from sentinel_core.errors import NotFoundError, NotReadyError, StoreUnavailableError


async def find_decision(request: Request, decision_id: str) -> Response:
    """Return a decision with everything it rested on."""
    engine = serving_of(request).engine
    decision = await engine.find(caller_of(request).tenant, decision_id)
    return answer_json(record_answer(decision, engine.feature_names(decision)))


async def replay_decision(request: Request, decision_id: str) -> Response:
    """Compute a recorded decision again and say whether it came out the same."""
    engine = serving_of(request).engine
    return answer_json(replay_answer(await engine.replay(caller_of(request).tenant, decision_id)))


async def give_feedback(request: Request, event_id: str) -> Response:
    """Record what people found out about an event, by the event's own id."""
    engine = serving_of(request).engine
    verdict = parse_body(await read_json(request, MAX_EVENT_BYTES), FeedbackRequest)
    caller = caller_of(request)
    async with budget(settings_of(request).feedback_budget_ms):
        feedback = await engine.feedback(
            caller.tenant, event_id, verdict.verdict, note=verdict.note, author=caller.name
        )
    return answer_json(feedback_answer(feedback))


_REFUSALS = (NotFoundError, NotReadyError, StoreUnavailableError)

ENDPOINTS = (
    Endpoint(
        "GET", "/decisions/{decision_id}", find_decision, "decisions", DecisionRecord, _REFUSALS
    ),
    Endpoint(
        "POST", "/decisions/{decision_id}/replay", replay_decision, "decisions", ReplayAnswer,
        _REFUSALS,
    ),
    # Ids of events may hold slashes.
    Endpoint(
        "POST", "/transactions/{event_id:path}/feedback", give_feedback, "decisions",
        FeedbackAnswer, _REFUSALS, "FeedbackRequest",
    ),
)  # fmt: skip
