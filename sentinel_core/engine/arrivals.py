"""The order of arrival: sequence numbers, entity logs, and how both are rebuilt at a start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
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
FEED_AT_ONCE = 256
"""Arrivals that new logs are fed on the event loop at most: some 10 ms, at 40 us each."""

Arrival = tuple[int, Event | StoredLabel]
"""A place in the order of arrival, and what took it."""


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
        feeder = Feeder(store, specs, opened)
        feeder.load_history()
        feeder.feed()
        return cls(store, feeder.observer, opened, store.last_seq())

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

    async def cover(
        self, specs: Iterable[FeatureSpec], unsettled: Callable[[], Sequence[Arrival]]
    ) -> None:
        """Make the logs hold what the loaded specs need, and compute no others.

        Where the logs do not reach far enough, new ones are built beside them on a thread, from the
        history and the record, while events go on arriving. They take over once they hold the same
        arrivals; until then memory holds both.

        Parameters
        ----------
        unsettled : callable
            Returns what stands in the logs and perhaps not in the record, with its places, in order.

        Raises
        ------
        ReleaseError, InvalidTableError, StoreUnavailableError
            The logs cannot be built; those there are stay. Retryable: as the error says.
        """
        specs = list(specs)
        if not all(self.observer.covers(spec) for spec in specs):
            self.observer = await self._build_anew(specs, unsettled)
        self.observer.keep_to(specs)

    async def _build_anew(
        self, specs: list[FeatureSpec], unsettled: Callable[[], Sequence[Arrival]]
    ) -> Observer:
        feeder = Feeder(self.store, specs, self.history)
        await asyncio.to_thread(feeder.load_history)
        while True:
            waiting = unsettled()
            # What is before the first that may still be written stands in the record for good.
            settled_seq = waiting[0][0] if waiting else self.last_seq + 1
            if settled_seq == feeder.upto_seq or self.last_seq - feeder.upto_seq < FEED_AT_ONCE:
                feeder.feed(waiting)
                return feeder.observer
            await asyncio.to_thread(feeder.feed, upto_seq=settled_seq)


class Feeder:
    """Entity logs in the making: fed from the history and the record, in order of arrival.

    Attributes
    ----------
    upto_seq : every arrival before this place has been fed
    """

    def __init__(self, store: Store, specs: Iterable[FeatureSpec], history: History | None) -> None:
        self.observer = Observer(specs)
        self.upto_seq = 1
        self._store = store
        self._history = history

    def load_history(self) -> None:
        """Fill the logs with what came before the record. Once, and first."""
        if self._history is not None:
            self._history.load_into(self.observer.state, HISTORY_TENANT)

    def feed(self, unsettled: Iterable[Arrival] = (), *, upto_seq: int | None = None) -> None:
        """Feed what has not been fed yet, before a place or all there is.

        Parameters
        ----------
        unsettled : iterable of Arrival
            What the record may not hold yet, in order.

        Raises
        ------
        ReleaseError
            ``EventTypeChanged``: the record holds events of another type. Retryable: no.
        """
        last_seq = self.upto_seq - 1
        recorded = _recorded(self._store, last_seq)
        for seq, arrival in merge(recorded, unsettled, key=lambda item: item[0]):
            if upto_seq is not None and seq >= upto_seq:
                break
            if seq == last_seq:
                continue  # recorded meanwhile
            last_seq = seq
            self._feed_one(arrival)
        self.upto_seq = last_seq + 1 if upto_seq is None else upto_seq

    def _feed_one(self, arrival: Event | StoredLabel) -> None:
        observer = self.observer
        if isinstance(arrival, Event):
            refuse_other_type(observer.event_type, arrival.type)
            observer.observe(arrival.tenant, arrival.occurred_at_us, arrival.fields)
            return
        found = _find_event(self._store, self._history, arrival.tenant, arrival.event_id)
        if found is not None:
            observer.label(
                arrival.tenant, arrival.event_id, found.time_us, found.fields,
                known_at_us=arrival.known_at_us, order=arrival.seq, label=arrival.label,
            )  # fmt: skip


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


def _recorded(store: Store, after_seq: int) -> Iterator[Arrival]:
    for arrival in store.arrivals(after_seq=after_seq):
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
