"""Replay: a recorded decision, computed again from what was recorded.

Signals, rules and fusion run over the recorded vector; that the vector itself was right is proved by
the features being the same online and offline. Signals that were not ok are taken as recorded: what
made them late or fail is not in the record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from sentinel_core.clock import Clock
from sentinel_core.decision import Decision, RecordedSignal, from_recorded_vector
from sentinel_core.engine.assess import Assessment, assess, explain, score_untimed
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.record import (
    recorded_hits,
    recorded_reasons,
    recorded_signals,
    signal_of,
)
from sentinel_core.errors import NotFoundError
from sentinel_core.events import Event
from sentinel_core.features.kernel import Vector
from sentinel_core.reason import Reason
from sentinel_core.signals.signal import Signal
from sentinel_core.store import Store

MODEL_TOLERANCE = 1e-6
"""Most that a probability may move on another runtime; measured parity is below 4e-7."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Whether a decision came out as it was recorded.

    Attributes
    ----------
    proved : ``bits``: on the same runtime every bit is equal. ``tolerance``: on another runtime, as
        that of a model's server may be, models are within 1e-6, and rules and fusion over the
        recorded signals are equal to the bit
    differences : what differs, in words; empty where equal
    """

    decision_id: str
    equal: bool
    proved: Literal["bits", "tolerance"]
    differences: tuple[str, ...]


def replay_decision(
    release: LoadedRelease, decision: Decision, event: Event, clock: Clock
) -> Replay:
    """Compute a recorded decision again and compare.

    Parameters
    ----------
    release : LoadedRelease
        The one that the record names.
    event : Event
        The recorded event, with the time it was received.
    """
    vector = from_recorded_vector(decision.vector)
    same_runtime = release.runtime == decision.runtime
    given = {s.name: _as_recorded(s, decision) for s in decision.signals if s.status != "ok"}
    fresh = _assess(release, event, vector, score_untimed(release, vector) | given, clock)
    if same_runtime:
        differences = tuple(_differences(decision, fresh, release, vector))
        # The record does not know the runtime of a model's server: it may have been another one.
        if not (differences and release.remote_names):
            return Replay(decision.id, not differences, "bits", differences)
    elsewhere = release.remote_names if same_runtime else {s.name for s in decision.signals}
    drift = tuple(_signal_drift(decision.signals, recorded_signals(fresh), elsewhere))
    recorded = {s.name: signal_of(s) for s in decision.signals}
    over_record = _assess(release, event, vector, recorded, clock)
    differences = drift + tuple(_judgement(decision, over_record))
    return Replay(decision.id, not differences, "tolerance", differences)


def _as_recorded(signal: RecordedSignal, decision: Decision) -> Signal:
    """Return a signal that was not ok, with the reason that it gave for that."""
    code = f"model:{signal.name}:{signal.status}"
    reasons = tuple(Reason(r.code, r.text, 0.0) for r in decision.reasons if r.code == code)
    return replace(signal_of(signal), reasons=reasons)


class Replayer:
    """Replays from a record that another process may be writing.

    Parameters
    ----------
    store : Store
        Opened read-only, or by the process that writes it.
    loader : Loader
        Over the same record.
    """

    def __init__(self, store: Store, loader: Loader, clock: Clock) -> None:
        self._store = store
        self._loader = loader
        self._clock = clock

    def by_id(self, tenant: str, decision_id: str) -> Replay:
        """Replay one decision.

        Raises
        ------
        NotFoundError
            This tenant has none of that id, or its release is not kept. Retryable: no.
        """
        decision = self._store.find_decision_by_id(tenant, decision_id)
        if decision is None:
            raise NotFoundError(f"There is no decision {decision_id}.", user_action="Check the id.")
        return self.decision(decision)

    def decision(self, decision: Decision, release: LoadedRelease | None = None) -> Replay:
        """Replay a decision, under the release that its record names."""
        release = release or self._loader.load_recorded(decision.release_digest)
        stored = self._store.find_event(decision.tenant, decision.event_id)
        if stored is None:
            raise NotFoundError(
                f"The record has no event {decision.event_id}, which one commit writes with it.",
                user_action="Restore the record from a backup: it was changed by hand.",
            )
        return replay_decision(release, decision, stored.event(), self._clock)


def _assess(
    release: LoadedRelease, event: Event, vector: Vector, given: dict[str, Signal], clock: Clock
) -> Assessment:
    return assess(
        release, event.fields, vector, at_us=event.received_at_us, clock=clock, given=given
    )


def _differences(
    decision: Decision, fresh: Assessment, release: LoadedRelease, vector: Vector
) -> Iterator[str]:
    for old, new in zip(decision.signals, recorded_signals(fresh), strict=False):
        if old != new:
            yield f"signal {old.name} was {old.score!r} ({old.raw!r}), is {new.score!r} ({new.raw!r})"
    if len(decision.signals) != len(fresh.signals):
        yield f"{len(decision.signals)} signals were recorded, {len(fresh.signals)} came out"
    yield from _judgement(decision, fresh)
    reasons = recorded_reasons(
        explain(release, fresh, vector, with_contributions=decision.explained)
    )
    for was, now in zip(decision.reasons, reasons, strict=False):
        if was != now:
            yield f"reason {was.code} was {was.points!r} ({was.text}), is {now.points!r} ({now.text})"
    if len(decision.reasons) != len(reasons):
        yield f"{len(decision.reasons)} reasons were recorded, {len(reasons)} came out"


def _judgement(decision: Decision, fresh: Assessment) -> Iterator[str]:
    risk = fresh.risk
    pairs = {
        "score": (decision.score, risk.score),
        "level": (decision.level, risk.level),
        "outcome": (decision.outcome, risk.outcome),
        "coverage": (decision.coverage, risk.coverage),
        "rule hits": (decision.hits, recorded_hits(fresh)),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name} was {old!r}, is {new!r}"


def _signal_drift(
    recorded: tuple[RecordedSignal, ...],
    fresh: tuple[RecordedSignal, ...],
    elsewhere: Collection[str],
) -> Iterator[str]:
    """Name the signals that differ by more than computing them elsewhere may make them."""
    for old, new in zip(recorded, fresh, strict=True):
        tolerance = MODEL_TOLERANCE if old.name in elsewhere else 0.0
        if old.score is None or new.score is None:
            if old.score != new.score:
                yield f"signal {old.name} was {old.score!r}, is {new.score!r}"
        elif abs(old.score - new.score) > tolerance:
            yield f"signal {old.name} was {old.score!r}, is {new.score!r}"
