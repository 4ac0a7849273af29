"""The decision record: everything an answer rested on, as it is kept.

The types here repeat a few fields of signals, rule hits and risks on purpose and import none of
them. Those types follow the code and may move with it; a record is immutable and must be read years
later, so its form changes by new fields with defaults only. Readers ignore fields they do not know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from sentinel_core.errors import InvalidDocumentError, Problem


@dataclass(frozen=True, slots=True)
class RecordedReason:
    """One sentence of the answer with its share of the score.

    Attributes
    ----------
    source : the signal's name, ``rules``, or the cap or floor that made the points
    points : share of the score; over all reasons the points sum to the score within 1e-9
    """

    source: str
    code: str
    text: str
    points: float


@dataclass(frozen=True, slots=True)
class RecordedSignal:
    """What one signal answered.

    Attributes
    ----------
    score : risk in [0, 1], higher is riskier; None unless ok, or where a fallback score is named
    raw : a model's margin in log-odds, before calibration; for velocity and behaviour the value of
        the feature whose curve decided
    cap : highest score that the signal allows, in [0, 100]
    hard_outcome : outcome that the signal forces
    """

    name: str
    kind: Literal["model", "velocity", "behaviour", "lists"]
    status: Literal["ok", "absent", "late", "failed"]
    score: float | None = None
    raw: float | None = None
    cap: float | None = None
    hard_outcome: Literal["approve", "review", "block"] | None = None


@dataclass(frozen=True, slots=True)
class RecordedHit:
    """What one rule did to the score.

    Attributes
    ----------
    outcome : outcome that the rule forces, if it does
    points, floor, cap : in [0, 100]; floor and cap are None where the rule has none
    text : one sentence with the values that made the rule hit
    """

    rule_id: str
    name: str
    category: str
    outcome: Literal["approve", "review", "block"] | None
    points: float
    floor: float | None
    cap: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, as it is answered, stored and replayed.

    Attributes
    ----------
    id : `sentinel_core.ids.decision_id` of tenant and event
    event_digest : name of the event's content, by which a second arrival is known as the same
    seq : place of the event in the order of arrival
    score : in [0, 100], higher is riskier; None where nothing could be scored
    coverage : weight of the signals that were present over the weight of all, in [0, 1]
    vector : feature values in the order of the spec, float64; None = missing
    explained : whether contributions were computed; if not, reasons are per signal only
    degraded : parts the decision was given without, such as ``velocity``
    arm : which of the two releases decided
    artifact_digests : digest by model name
    runtime : versions that the bits of a model's output depend on (onnxruntime, numpy, cpu)
    stage_us : microseconds by stage
    created_at_us : microseconds since 1970-01-01 UTC
    """

    id: str
    tenant: str
    event_id: str
    event_digest: str
    seq: int
    score: float | None
    level: str
    outcome: Literal["approve", "review", "block"]
    coverage: float
    feature_spec_digest: str
    release_digest: str
    arm: Literal["stable", "candidate"]
    created_at_us: int
    explained: bool = False
    reasons: tuple[RecordedReason, ...] = ()
    signals: tuple[RecordedSignal, ...] = ()
    hits: tuple[RecordedHit, ...] = ()
    vector: tuple[float | None, ...] = ()
    degraded: tuple[str, ...] = ()
    artifact_digests: dict[str, str] = field(default_factory=dict)
    runtime: dict[str, str] = field(default_factory=dict)
    stage_us: dict[str, int] = field(default_factory=dict)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Decision)


def encode(decision: Decision) -> bytes:
    """Write a decision as JSON from which `decode` makes an equal one, every float bit for bit.

    Raises
    ------
    ValueError
        A number is NaN or infinite. JSON has no such number: it would come back as missing and the
        replay would differ. The caller's vector goes through `to_recorded_vector` first.
    """
    for value, what, name in _numbers(decision):
        if value is not None and not math.isfinite(value):
            message = f"decision {decision.id}: {what}{name} is {value}, which a record cannot hold"
            raise ValueError(message)
    return _ENCODER.encode(decision)


def decode(data: bytes) -> Decision:
    """Read a decision that `encode` wrote, by this version or an earlier one.

    Raises
    ------
    InvalidDocumentError
        The bytes are no decision record. Retryable: no.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise InvalidDocumentError(
            "A stored decision cannot be read.",
            (Problem("record", str(error), "it is damaged, or a newer Sentinel wrote it"),),
            user_action="Read it with the version that wrote it, or restore it from a backup.",
        ) from error


def to_recorded_vector(vector: Iterable[float]) -> tuple[float | None, ...]:
    """Turn a feature vector, where NaN is missing, into the form that is recorded.

    Examples
    --------
    >>> to_recorded_vector((1.5, math.nan))
    (1.5, None)
    """
    return tuple(None if math.isnan(value) else value for value in vector)


def from_recorded_vector(vector: Iterable[float | None]) -> tuple[float, ...]:
    """Turn a recorded vector back into the one that was scored, NaN where a value was missing.

    Examples
    --------
    >>> from_recorded_vector((1.5, None))
    (1.5, nan)
    """
    return tuple(math.nan if value is None else value for value in vector)


def _numbers(decision: Decision) -> Iterator[tuple[float | None, str, str]]:
    """Yield each number with what it is and of what; words are put together only for an error."""
    yield decision.score, "score", ""
    yield decision.coverage, "coverage", ""
    for value in decision.vector:
        yield value, "a value of vector", ""
    for signal in decision.signals:
        yield signal.score, "the score of signal ", signal.name
        yield signal.raw, "the raw value of signal ", signal.name
        yield signal.cap, "the cap of signal ", signal.name
    for hit in decision.hits:
        yield hit.points, "the points of rule ", hit.rule_id
        yield hit.floor, "the floor of rule ", hit.rule_id
        yield hit.cap, "the cap of rule ", hit.rule_id
    for reason in decision.reasons:
        yield reason.points, "the points of reason ", reason.code
