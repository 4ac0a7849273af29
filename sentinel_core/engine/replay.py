"""Replay: a recorded decision, computed again from what was recorded.

Signals, rules and fusion run over the recorded vector; that the vector itself was right is proved by
the features being the same online and offline. Signals that were not ok are taken as recorded: what
made them late or fail is not in the record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sentinel_core.clock import Clock
from sentinel_core.decision import Decision, RecordedSignal, from_recorded_vector
from sentinel_core.engine.assess import Assessment, assess, explain, score_untimed
from sentinel_core.engine.differences import (
    judgement_differences,
    reason_differences,
    signal_differences,
)
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.record import (
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


@dataclass(frozen=True, slots=True)
class Replay:
    """Whether a decision came out as it was recorded.

    Attributes
    ----------
    proved : ``bits``: on the same runtime every bit is equal. ``tolerance``: models on another
        runtime, as that of a model's server may be, are within 1e-6 (their margins within 1e-5),
        and so is how their points are shared among features; every other signal, and rules, fusion
        and reasons over the recorded signals, are equal to the bit
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
    given = {s.name: _as_recorded(s, decision) for s in decision.signals if s.status != "ok"}
    fresh = _assess(release, event, vector, score_untimed(release, vector) | given, clock)
    is_same_runtime = release.runtime == decision.runtime
    if is_same_runtime:
        differences = _differences(release, decision, fresh, fresh, vector)
        # The record does not know the runtime of a model's server: it may have been another one.
        if not (differences and release.remote_names):
            return Replay(decision.id, not differences, "bits", differences)
    models = frozenset(model.name for model in release.models)
    elsewhere = release.remote_names if is_same_runtime else models
    over_record = _assess(release, event, vector, given | _scored(decision, fresh), clock)
    differences = _differences(release, decision, fresh, over_record, vector, elsewhere)
    return Replay(decision.id, not differences, "tolerance", differences)


def _differences(  # noqa: PLR0913, PLR0917 - what was recorded, and the two it is held against
    release: LoadedRelease,
    decision: Decision,
    fresh: Assessment,
    judged: Assessment,
    vector: Vector,
    elsewhere: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Hold recorded signals against fresh ones, and what followed against what was judged."""
    reasons = recorded_reasons(
        explain(release, judged, vector, with_contributions=decision.explained)
    )
    # Without contributions the reasons of a model follow from its recorded score alone.
    shared = elsewhere if decision.explained else frozenset()
    return (
        *signal_differences(decision.signals, recorded_signals(fresh), elsewhere),
        *judgement_differences(decision, judged),
        *reason_differences(decision.reasons, reasons, shared),
    )


def _scored(decision: Decision, fresh: Assessment) -> dict[str, Signal]:
    """Return the signals that were ok as they were recorded, with reasons that came out again."""
    reasons = {signal.name: signal.reasons for signal in fresh.signals}
    return {
        s.name: replace(signal_of(s), reasons=reasons.get(s.name, ()))
        for s in decision.signals
        if s.status == "ok"
    }


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
