"""The order of arrival: sequence numbers, entity logs, and how both are rebuilt at a start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from pathlib import Path

from sentinel_core.clock import Clock
from sentinel_core.engine.history import HistoricEvent, History
from sentinel_core.engine.observe import Observer
from sentinel_core.errors import InvalidTableError, Problem, ReleaseError
from sentinel_core.events import Event
from sentinel_core.features import FeatureSpec
from sentinel_core.store import Store
from sentinel_core.store.rows import Backfill, StoredEvent, StoredLabel

HISTORY_TENANT = "default"
"""Tenant that a history file belongs to; a file for another tenant comes with tenants."""


@dataclass(slots=True)
class Arrivals:
    """Everything that arrived, as the next event must find it.

    Attributes
    ----------
    observer : the entity logs and their kernels
    history : the backfilled file, where there is one
    last_seq : place of the last arrival
    """

    store: Store
    observer: Observer
    history: History | None
    last_seq: int

    @classmethod
    def rebuild(
        cls, store: Store, specs: Iterable[FeatureSpec], history: Path | None, clock: Clock
    ) -> Arrivals:
        """Fill the logs from the history by column, then from the record in order of arrival."""
        specs = list(specs)
        opened = _register(store, History(history), clock, specs) if history else None
        observer = build_observer(store, specs, opened)
        return cls(store, observer, opened, store.last_seq())

    def next_seq(self) -> int:
        """Take the next place in the order of arrival. A place that is not recorded stays a gap."""
        self.last_seq += 1
        return self.last_seq

    def in_history(self, tenant: str, event_id: str) -> bool:
        """Tell whether an event came with the backfilled history."""
        return _find_historic(self.history, tenant, event_id) is not None

    def find_event(self, tenant: str, event_id: str) -> HistoricEvent | None:
        """Return an event that was recorded or backfilled."""
        return _find_event(self.store, self.history, tenant, event_id)

    def cover(
        self, specs: Iterable[FeatureSpec], unsettled: Iterable[tuple[int, Event | StoredLabel]]
    ) -> None:
        """Make the logs hold what the loaded specs need, and compute no others.

        Where the logs do not reach far enough, they are built anew from the history and the record,
        which holds the event loop for as long as a start does. ``unsettled`` is what stands in the
        logs and perhaps not in the record, with its places, in order.
        """
        specs = list(specs)
        if all(self.observer.covers(spec) for spec in specs):
            self.observer.keep_to(specs)
        else:
            self.observer = build_observer(self.store, specs, self.history, unsettled)


def _find_event(
    store: Store, history: History | None, tenant: str, event_id: str
) -> HistoricEvent | None:
    stored = store.find_event(tenant, event_id)
    if stored is not None:
        return HistoricEvent(stored.occurred_at_us, stored.event().fields)
    return _find_historic(history, tenant, event_id)


def _find_historic(history: History | None, tenant: str, event_id: str) -> HistoricEvent | None:
    if history is None or tenant != HISTORY_TENANT:
        return None
    return history.find(event_id)


def build_observer(
    store: Store,
    specs: Iterable[FeatureSpec],
    history: History | None,
    unsettled: Iterable[tuple[int, Event | StoredLabel]] = (),
) -> Observer:
    """Build entity logs from the history, the record and what is on its way there.

    Raises
    ------
    ReleaseError
        ``EventTypeChanged``: the record holds events of another type. Retryable: no.
    """
    observer = Observer(specs)
    if history is not None:
        history.load_into(observer.state, HISTORY_TENANT)
    last_seq = -1
    for seq, arrival in merge(_recorded(store), unsettled, key=lambda item: item[0]):
        if seq == last_seq:
            continue  # recorded meanwhile
        last_seq = seq
        if isinstance(arrival, Event):
            refuse_other_type(observer.event_type, arrival.type)
            observer.observe(arrival.tenant, arrival.occurred_at_us, arrival.fields)
            continue
        found = _find_event(store, history, arrival.tenant, arrival.event_id)
        if found is not None:
            observer.label(
                arrival.tenant, arrival.event_id, found.time_us, found.fields,
                known_at_us=arrival.known_at_us, order=arrival.seq, label=arrival.label,
            )  # fmt: skip
    return observer


def _recorded(store: Store) -> Iterator[tuple[int, Event | StoredLabel]]:
    for arrival in store.arrivals():
        yield arrival.seq, arrival.event() if isinstance(arrival, StoredEvent) else arrival


def refuse_other_type(decided: str, event_type: str) -> None:
    """Refuse a release for another type of event than the record holds.

    Raises
    ------
    ReleaseError
        ``EventTypeChanged``. Retryable: no.
    """
    if decided != event_type:
        raise ReleaseError(
            "EventTypeChanged",
            f"The release decides {decided} events, and this record holds {event_type} events.",
            user_action="Give each type of event a pipeline, and so a record, of its own.",
        )


def _register(store: Store, history: History, clock: Clock, specs: list[FeatureSpec]) -> History:
    """Give the rows of a history their places in the order of arrival, the first time it is seen."""
    types = {spec.event_type for spec in specs}
    if types != {history.event_type}:
        problem = Problem(history.path.name, f"holds {history.event_type} events", f"{types}")
        message = "The history is of another type of event than the release."
        raise InvalidTableError(message, (problem,), user_action="Give a history of that type.")
    known = store.backfills()
    if any(backfill.digest == history.digest for backfill in known):
        return history
    if known or store.last_seq():
        problem = Problem(history.path.name, "is not the one this record began with", "see below")
        message = "This record has begun already; history can only come before its first event."
        action = "Start a new record (--state), or give the history file that this one began with."
        raise InvalidTableError(message, (problem,), user_action=action)
    store.register_backfill(
        Backfill(
            tenant=HISTORY_TENANT,
            digest=history.digest,
            path=history.path.name,
            row_count=history.row_count,
            first_seq=1,
            last_seq=max(history.row_count, 1),
            registered_at_us=clock.now_us(),
        )
    ).result()
    return history
