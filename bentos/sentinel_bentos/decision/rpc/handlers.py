"""What each rpc does: the same as HTTP's route of the same policy, over messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from sentinel_bentos.decision.auth import Caller
from sentinel_bentos.decision.bodies import (
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    parse_fields,
    too_large,
)
from sentinel_bentos.decision.context import budget
from sentinel_bentos.decision.rpc.answers import (
    batch_message,
    decision_message,
    feedback_message,
    record_message,
    replay_message,
)
from sentinel_bentos.decision.rpc.requests import event_fields
from sentinel_bentos.decision.schemas import FeedbackRequest
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings
from sentinel_bentos.decision.turns import Turns
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.errors import SentinelError
from sentinel_core.events import Event, parse_event


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what it may use.

    Attributes
    ----------
    left_seconds : until the client's deadline; None where it set none
    """

    serving: Serving
    settings: Settings
    caller: Caller
    left_seconds: float | None

    def deadline_ns(self, budget_ms: int | None) -> int:
        """Return when the call must be answered: the client's deadline, or the budget's end before."""
        deadline_ns = self.serving.deadline_ns(budget_ms)
        if self.left_seconds is None:
            return deadline_ns
        left_ns = int(self.left_seconds * 1e9)
        return min(deadline_ns, self.serving.clock.elapsed_ns() + left_ns)

    def parse(self, event: pb.Event) -> Event:
        """Validate an event, as HTTP's are. Raises as `parse_event`, and `TooLargeError`."""
        if event.ByteSize() > MAX_EVENT_BYTES:
            raise too_large(MAX_EVENT_BYTES)
        received_at_us = self.serving.clock.now_us()
        return parse_event(
            event_fields(event), tenant=self.caller.tenant, received_at_us=received_at_us
        )


async def score(call: Call, request: pb.ScoreRequest) -> pb.ScoreResponse:
    """Decide one event."""
    engine = call.serving.engine
    deadline_ns = call.deadline_ns(call.settings.budget_ms)
    event = call.parse(request.event)
    decision = await engine.decide(event, explain=request.explain, deadline_ns=deadline_ns)
    return pb.ScoreResponse(decision=decision_message(decision))


async def score_batch(call: Call, request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
    """Decide events in order, each with a decision or a problem of its own."""
    engine = call.serving.engine
    deadline_ns = call.deadline_ns(call.settings.batch_budget_ms)
    parsed = await _parse_each(call, request.events)
    events = [item for item in parsed if isinstance(item, Event)]
    decided = iter(
        await engine.decide_many(events, explain=request.explain, deadline_ns=deadline_ns)
    )
    return batch_message(next(decided) if isinstance(item, Event) else item for item in parsed)


async def get_decision(call: Call, request: pb.GetDecisionRequest) -> pb.GetDecisionResponse:
    """Return a decision with everything it rested on."""
    engine = call.serving.engine
    decision = await engine.find(call.caller.tenant, request.id)
    record = record_message(decision, engine.feature_names(decision))
    return pb.GetDecisionResponse(record=record)


async def replay(call: Call, request: pb.ReplayRequest) -> pb.ReplayResponse:
    """Compute a recorded decision again."""
    return replay_message(await call.serving.engine.replay(call.caller.tenant, request.id))


async def feedback(call: Call, request: pb.FeedbackRequest) -> pb.FeedbackResponse:
    """Record what people found out about an event."""
    engine = call.serving.engine
    verdict = parse_fields({"verdict": request.verdict, "note": request.note}, FeedbackRequest)
    async with budget(call.settings.feedback_budget_ms):
        told = await engine.feedback(
            call.caller.tenant, request.event_id, verdict.verdict,
            note=verdict.note, author=call.caller.name,
        )  # fmt: skip
    return feedback_message(told)


async def _parse_each(call: Call, events: Sequence[pb.Event]) -> list[Event | SentinelError]:
    parsed: list[Event | SentinelError] = []
    turns = Turns()
    for event in events:
        await turns.before(event.ByteSize())
        try:
            parsed.append(call.parse(event))
        except SentinelError as error:
            parsed.append(error)
    return parsed


@dataclass(frozen=True, slots=True)
class Rpc:
    """One rpc.

    Attributes
    ----------
    policy_key : the route of HTTP that does the same, whose policy it shares
    max_bytes : largest request
    """

    name: str
    request: type[Message]
    handle: Callable[[Call, Any], Awaitable[Message]]
    policy_key: tuple[str, str]
    max_bytes: int = MAX_EVENT_BYTES


RPCS = (
    Rpc("Score", pb.ScoreRequest, score, ("POST", "/score")),
    Rpc("ScoreBatch", pb.ScoreBatchRequest, score_batch, ("POST", "/score/batch"), MAX_BATCH_BYTES),
    Rpc("GetDecision", pb.GetDecisionRequest, get_decision, ("GET", "/decisions/{decision_id}")),
    Rpc("Replay", pb.ReplayRequest, replay, ("POST", "/decisions/{decision_id}/replay")),
    Rpc("Feedback", pb.FeedbackRequest, feedback, ("POST", "/transactions/{event_id}/feedback")),
)
