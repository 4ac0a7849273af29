"""Steps 5 to 7 of a decision: signals, rules, fusion.

Pure but for a model's clock: deciding, replaying, shadowing and backtesting all call this, so none of
them has a second copy of any step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel_core.clock import Clock
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.events import Fields
from sentinel_core.features.kernel import Vector
from sentinel_core.fusion import PointedReason, Risk, explain_points, fuse
from sentinel_core.rules import RuleHit, evaluate
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.lists import evaluate_lists
from sentinel_core.signals.remote import RemoteModel
from sentinel_core.signals.signal import Signal


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a release makes of an event.

    ``stage_us`` holds the microseconds of the three stages on the clock that was given.
    """

    signals: tuple[Signal, ...]
    hits: tuple[RuleHit, ...]
    risk: Risk
    stage_us: dict[str, int] = field(default_factory=dict)


def assess(  # noqa: PLR0913 - an event as it was seen, and what is taken as given
    release: LoadedRelease,
    fields: Fields,
    vector: Vector,
    *,
    at_us: int,
    clock: Clock,
    history_lost: bool = False,
    given: Mapping[str, Signal] | None = None,
) -> Assessment:
    """Judge an event by a release.

    Parameters
    ----------
    fields, vector
        The event seen flat, and its features in the order of the release's spec.
    at_us : int
        When the event was received; list entries expire by it.
    history_lost : bool
        The entity logs do not hold what came before: signals that need history are absent.
    given : mapping from name to Signal, optional
        Signals taken as they are instead of being evaluated: models that were asked at their
        servers, and what `score_untimed` and a record say.
    """
    started_ns = clock.elapsed_ns()
    signals = evaluate_signals(
        release, fields, vector, at_us=at_us, history_lost=history_lost, given=given or {}
    )
    judged_ns = clock.elapsed_ns()
    scores = {signal.name: signal.score for signal in signals}
    hits = evaluate(release.rules, fields, vector, scores, release.lists, at_us)
    ruled_ns = clock.elapsed_ns()
    risk = fuse(release.fusion, release.failure_policy, signals, hits)
    fused_ns = clock.elapsed_ns()
    stage_us = {
        "signals": (judged_ns - started_ns) // 1000,
        "rules": (ruled_ns - judged_ns) // 1000,
        "fusion": (fused_ns - ruled_ns) // 1000,
    }
    return Assessment(signals, hits, risk, stage_us)


def evaluate_signals(  # noqa: PLR0913 - as `assess`
    release: LoadedRelease,
    fields: Fields,
    vector: Vector,
    *,
    at_us: int,
    history_lost: bool,
    given: Mapping[str, Signal],
) -> tuple[Signal, ...]:
    """Evaluate every configured signal that is not given: models, curves, lists."""
    signals = [
        given.get(model.name) or _evaluate(model, vector, history_lost=history_lost)
        for model in release.models
    ]
    for curve in release.curves:
        lost = Signal(curve.kind, curve.kind, "absent") if history_lost else None
        signals.append(given.get(curve.kind) or lost or curve.evaluate(vector))
    if release.lists.names:
        signals.append(given.get("lists") or evaluate_lists(release.lists, fields, at_us))
    return tuple(signals)


def score_untimed(release: LoadedRelease, vector: Vector) -> dict[str, Signal]:
    """Score the models of this process without their deadlines, to be given to `assess`.

    For replays and backtests, which share the machine with others: lateness belongs to the moment
    of a decision, and is in its record.
    """
    models = (model for model in release.models if isinstance(model, InlineModel))
    return {model.name: model.score(vector) for model in models}


def explain(
    release: LoadedRelease, assessment: Assessment, vector: Vector, *, with_contributions: bool
) -> tuple[PointedReason, ...]:
    """Say why, in words with points that sum to the score.

    With contributions each model's points are shared among the features that raised it (about a
    millisecond a model); without, a model is one reason. A signal that has brought its reasons is not
    asked for them again.
    """
    signals: Sequence[Signal] = assessment.signals
    if with_contributions:
        models = {m.name: m for m in release.models if isinstance(m, InlineModel)}
        signals = [
            replace(s, reasons=models[s.name].explain(vector))
            if s.name in models and s.status == "ok" and not s.reasons
            else s
            for s in signals
        ]
    return explain_points(assessment.risk, signals, assessment.hits)


def _evaluate(model: InlineModel | RemoteModel, vector: Vector, *, history_lost: bool) -> Signal:
    # What must be waited for is asked before and given: nothing here pauses.
    assert isinstance(model, InlineModel)
    return model.evaluate(vector, history_lost=history_lost)
