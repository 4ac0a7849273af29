"""Scoring: bytes of an event in, a durable decision out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request, Response

from sentinel_bentos.decision.answers import answer_json, batch_answer, score_answer
from sentinel_bentos.decision.bodies import (
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    read_json,
    require_plain_json,
    split_batch,
    too_large,
)
from sentinel_bentos.decision.context import serving_of, settings_of
from sentinel_bentos.decision.endpoints import Endpoint
from sentinel_bentos.decision.policy import caller_of
from sentinel_bentos.decision.schemas import BatchAnswer, ScoreAnswer
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.turns import Turns
from sentinel_core.errors import (
    ConflictError,
    InvalidEventError,
    NotFoundError,
    NotReadyError,
    SentinelError,
    StoreUnavailableError,
)
from sentinel_core.events import Event, parse_event

Explain = Annotated[
    bool, Query(description="Compute the contributions of features also where it is approved.")
]


async def score(request: Request, *, explain: Explain = False) -> Response:
    """Decide one event. The same event again has the same answer; its id with another body, 409."""
    serving = serving_of(request)
    engine = serving.engine
    deadline_ns = serving.deadline_ns(settings_of(request).budget_ms)
    data = await read_json(request, MAX_EVENT_BYTES)
    event = _parse(serving, data, caller_of(request).tenant)
    decision = await engine.decide(event, explain=explain, deadline_ns=deadline_ns)
    return answer_json(score_answer(decision))


async def score_batch(request: Request, *, explain: Explain = False) -> Response:
    """Decide up to 1,000 events in order. Each has a decision or a problem of its own."""
    serving = serving_of(request)
    engine = serving.engine
    deadline_ns = serving.deadline_ns(settings_of(request).batch_budget_ms)
    items = split_batch(await read_json(request, MAX_BATCH_BYTES))
    parsed = await _parse_each(serving, items, caller_of(request).tenant)
    events = [item for item in parsed if isinstance(item, Event)]
    decided = iter(await engine.decide_many(events, explain=explain, deadline_ns=deadline_ns))
    results = [next(decided) if isinstance(item, Event) else item for item in parsed]
    return answer_json(batch_answer(results))


def _parse(serving: Serving, data: bytes, tenant: str) -> Event:
    require_plain_json(data)
    return parse_event(data, tenant=tenant, received_at_us=serving.clock.now_us())


async def _parse_each(
    serving: Serving, items: Sequence[bytes], tenant: str
) -> list[Event | SentinelError]:
    parsed: list[Event | SentinelError] = []
    turns = Turns()
    for data in items:
        await turns.before(len(data))
        try:
            if len(data) > MAX_EVENT_BYTES:
                raise too_large(MAX_EVENT_BYTES)
            parsed.append(_parse(serving, data, tenant))
        except SentinelError as error:
            parsed.append(error)
    return parsed


_REFUSALS = (InvalidEventError, NotFoundError, ConflictError, NotReadyError, StoreUnavailableError)

ENDPOINTS = (
    Endpoint("POST", "/score", score, "score", ScoreAnswer, _REFUSALS, "WireEvent"),
    Endpoint(
        "POST", "/score/batch", score_batch, "score", BatchAnswer, _REFUSALS[3:], "BatchRequest"
    ),
)
