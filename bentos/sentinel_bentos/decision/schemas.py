"""What requests and answers look like: the OpenAPI document is made from these models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel_bentos.decision.bodies import MAX_BATCH_EVENTS
from sentinel_bentos.decision.problems import ProblemDetails
from sentinel_core.events.envelope import WireEvent

Outcome = Literal["approve", "review", "block"]
Verdict = Literal["confirmed_fraud", "false_positive", "escalated"]
MAX_NOTE_CHARACTERS = 2000


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Reason(_Answer):
    """One sentence of why, with its share of the score."""

    source: str = Field(description="The signal, rules, or the cap or floor that made the points.")
    code: str = Field(description="Stable name, such as feature:amount or rule:card-burst.")
    text: str = Field(description="One sentence for a person.")
    points: float = Field(description="Share of the score; over all reasons they sum to it.")


class SignalAnswer(_Answer):
    """What one signal said."""

    name: str
    status: Literal["ok", "absent", "late", "failed"]
    score: float | None = Field(description="Risk in [0, 1], higher is riskier; null if not ok.")


class ScoreAnswer(_Answer):
    """A decision, as it is answered. The same event always has the same answer, byte for byte."""

    id: str = Field(description="Name of the decision.")
    event_id: str
    score: float | None = Field(
        description="In [0, 100], higher is riskier; null where nothing could be scored."
    )
    level: str = Field(description="Level of the score, or UNSCORED.")
    outcome: Outcome
    coverage: float = Field(description="Weight of the present signals over that of all, [0, 1].")
    reasons: tuple[Reason, ...]
    signals: tuple[SignalAnswer, ...]
    degraded: tuple[str, ...] = Field(description="Parts that the decision was given without.")
    release: str = Field(description="Digest of the release that decided.")
    arm: Literal["stable", "candidate"]
    created_at: str = Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})


class RecordedSignal(SignalAnswer):
    """A signal with everything that a replay needs."""

    kind: Literal["model", "velocity", "behaviour", "lists"]
    raw: float | None = Field(description="Margin of a model, or the value that decided a curve.")
    cap: float | None
    hard_outcome: Outcome | None


class RecordedHit(_Answer):
    """What one rule did to the score."""

    rule_id: str
    name: str
    category: str
    outcome: Outcome | None
    points: float
    floor: float | None
    cap: float | None
    text: str


class DecisionRecord(_Answer):
    """A decision with everything it rested on, as it is recorded."""

    id: str
    event_id: str
    event_digest: str
    seq: int = Field(description="Place of the event in the order of arrival.")
    tenant: str
    score: float | None
    level: str
    outcome: Outcome
    coverage: float
    explained: bool = Field(description="Whether reasons go down to the features of models.")
    reasons: tuple[Reason, ...]
    signals: tuple[RecordedSignal, ...]
    hits: tuple[RecordedHit, ...]
    features: dict[str, float | None] = Field(description="Feature values; null is missing.")
    degraded: tuple[str, ...]
    release: str
    arm: Literal["stable", "candidate"]
    feature_spec: str = Field(description="Digest of the feature spec.")
    artifacts: dict[str, str] = Field(description="Digest of each model's artifact.")
    runtime: dict[str, str] = Field(description="Versions that a model's bits depend on.")
    stage_us: dict[str, int] = Field(description="Microseconds by stage.")
    created_at: str = Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})


class BatchRequest(_Request):
    """Events to decide, in order; each at most 64 KiB."""

    events: Annotated[tuple[WireEvent, ...], Field(min_length=1, max_length=MAX_BATCH_EVENTS)]


class BatchItem(_Answer):
    """What came of one event: a decision or a problem."""

    decision: ScoreAnswer | None = None
    problem: ProblemDetails | None = None


class BatchAnswer(_Answer):
    """What came of each event, in the order of the request."""

    results: tuple[BatchItem, ...]


class ReplayAnswer(_Answer):
    """Whether a recorded decision came out the same when it was computed again."""

    id: str
    equal: bool
    proved: Literal["bits", "tolerance"] = Field(
        description="bits: every bit on the same runtime. tolerance: on another runtime, models "
        "within 1e-6 (margins 1e-5), all else to the bit."
    )
    differences: tuple[str, ...]


class FeedbackRequest(_Request):
    """What people found out about an event."""

    verdict: Verdict
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)


class FeedbackAnswer(_Answer):
    """What became of a verdict."""

    event_id: str
    verdict: Verdict
    label: Literal["fraud", "legitimate"] | None = Field(
        description="The label it made; escalated makes none."
    )
    known_at: str = Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})
    repeated: bool = Field(description="The same verdict was there already; nothing changed.")


class HealthAnswer(_Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(_Answer):
    """The server decides."""

    status: Literal["ready"] = "ready"
    release: str = Field(description="Digest of the stable release.")


class ServedAnswer(_Answer):
    """What a server serves; the operator believes nothing else."""

    stable: str | None
    candidate: str | None
    percent: float
    state: str
    reason: str | None
    message: str | None
    refused: str | None
    retrying: bool
