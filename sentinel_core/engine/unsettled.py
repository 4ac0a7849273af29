"""What stands in the entity logs and is not known to be recorded.

An arrival reaches the logs before its commit, since the next arrival must see it. A commit that fails
leaves it there: a retry is not observed again but recorded as it was seen the first time, and what
nobody retries is offered again as soon as the record takes writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sentinel_core.decision import Decision
from sentinel_core.engine.judge import Admitted
from sentinel_core.errors import StoreUnavailableError
from sentinel_core.events import Event
from sentinel_core.store import Store
from sentinel_core.store.pending import Bundle, Pending
from sentinel_core.store.rows import Status, StoredLabel

Key = tuple[str, str]
"""Tenant and event id."""
Said = tuple[str, str, str, str]
"""Tenant, event id, status and note of a verdict; the same four again are the same verdict."""
MAX_UNSETTLED = 4096
"""Events held that are being decided or whose commit failed, and as many labels. Beyond, new ones are
refused before they are observed: a record that is away for long must not fill the memory."""

MAX_RESUBMITTED = 64
"""Failed decisions offered again at once, a quarter of a commit, so that new ones are not held up."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A decision that was made, and the write that will make it durable."""

    decision: Decision
    pending: Pending


class Unsettled:
    """Decisions and labels between the entity logs and the record. Used from one event loop.

    Parameters
    ----------
    on_recorded : callable
        Told each decision once it is on the disk, with the event as it was admitted.
    """

    def __init__(self, store: Store, on_recorded: Callable[[Decision, Admitted], object]) -> None:
        self._store = store
        self._on_recorded = on_recorded
        self._admitted: dict[Key, Admitted] = {}
        self._decisions: dict[Key, tuple[Decision, Admitted]] = {}
        self._flights: dict[Key, InFlight] = {}
        self._labels: dict[int, tuple[StoredLabel, Status]] = {}
        self._label_by_said: dict[Said, StoredLabel] = {}
        self._label_flights: dict[int, Pending] = {}
        self._turn: Bundle = []

    def flight(self, key: Key) -> InFlight | None:
        """Return the decision of an event whose write is under way."""
        return self._flights.get(key)

    def admitted(self, key: Key) -> Admitted | None:
        """Return an event that stands in the logs and has no decision yet."""
        return self._admitted.get(key)

    def decision(self, key: Key) -> Decision | None:
        """Return the decision of an event that is not known to be recorded."""
        noted = self._decisions.get(key)
        return noted[0] if noted else None

    def label(self, status: Status) -> StoredLabel | None:
        """Return the label of the same verdict that is not known to be recorded."""
        return self._label_by_said.get(_said(status))

    def refuse_when_full(self) -> None:
        """Raise `StoreUnavailableError` while the record leaves no room for new events."""
        self._store.refuse_when_full()
        if len(self._decisions) + len(self._admitted) >= MAX_UNSETTLED:
            self._resubmit()
            raise StoreUnavailableError(
                f"{MAX_UNSETTLED} events wait for their decisions, or for a record that refuses them.",
                user_action="Look at the disk of the record, then send the event again.",
            )

    def refuse_labels_when_full(self) -> None:
        """Raise `StoreUnavailableError` while the record leaves no room for new labels."""
        self._store.refuse_when_full()
        if len(self._labels) >= MAX_UNSETTLED:
            self._resubmit()
            raise StoreUnavailableError(
                f"{MAX_UNSETTLED} labels wait to be recorded.",
                user_action="Look at the disk of the record, then send the feedback again.",
            )

    def admit(self, admitted: Admitted) -> None:
        """Note an event that has reached the logs."""
        self._admitted[admitted.event.tenant, admitted.event.id] = admitted

    def add(self, decision: Decision) -> None:
        """Note the decision of an event that was admitted."""
        key = (decision.tenant, decision.event_id)
        self._decisions[key] = (decision, self._admitted.pop(key))

    def add_label(self, label: StoredLabel, status: Status) -> None:
        """Note a label that has reached the logs, and what was said with it."""
        self._labels[label.seq] = (label, status)
        self._label_by_said[_said(status)] = label

    def submit(
        self, key: Key, deadline_ns: int | None = None, bundle: Bundle | None = None
    ) -> InFlight:
        """Hand a noted decision to the writer, or keep it in a bundle that is handed over later.

        Without a bundle it goes with all others of this turn of the event loop: requests come in
        crowds, since a commit answers several at once, and a commit of their own for each of 16 takes
        half as much processor time again.
        """
        decision, admitted = self._decisions[key]
        pending = self._store.record(
            decision,
            admitted.event,
            deadline_ns=deadline_ns,
            bundle=self._turn if bundle is None else bundle,
        )
        if bundle is None and len(self._turn) == 1:
            asyncio.get_running_loop().call_soon(self.hand_over)
        flight = self._flights[key] = InFlight(decision, pending)
        pending.on_settled(lambda error: self._settle(key, error))
        return flight

    def hand_over(self) -> None:
        """Give the writer what this turn of the event loop has for it so far."""
        bundle, self._turn = self._turn, []
        self._store.hand_over(bundle)

    def submit_label(self, seq: int) -> Pending:
        """Hand a noted label to the writer, unless it is there already."""
        if seq not in self._label_flights:
            label, status = self._labels[seq]
            pending = self._label_flights[seq] = self._store.label(label, status)
            pending.on_settled(lambda error: self._settle_label(seq, error))
        return self._label_flights[seq]

    def arrivals(self) -> list[tuple[int, Event | StoredLabel]]:
        """Return what is noted with its place in the order of arrival, first come first."""
        noted: list[tuple[int, Event | StoredLabel]] = [
            (decision.seq, admitted.event) for decision, admitted in self._decisions.values()
        ]
        noted += [(admitted.seq, admitted.event) for admitted in self._admitted.values()]
        noted += [(seq, label) for seq, (label, _) in self._labels.items()]
        return sorted(noted, key=lambda item: item[0])

    def _settle(self, key: Key, error: Exception | None) -> None:
        self._flights.pop(key, None)
        if error is None:
            self._on_recorded(*self._decisions.pop(key))
            self._resubmit()

    def _settle_label(self, seq: int, error: Exception | None) -> None:
        self._label_flights.pop(seq, None)
        if error is None:
            _, status = self._labels.pop(seq)
            self._label_by_said.pop(_said(status))
            self._resubmit()

    def _resubmit(self) -> None:
        """Offer again what failed, so that the record catches up with the logs.

        A client that never came back for its answer would else leave an event that features count
        and the record does not know.
        """
        if len(self._decisions) + len(self._labels) == len(self._flights) + len(
            self._label_flights
        ):
            return
        decisions = [key for key in self._decisions if key not in self._flights]
        labels = [seq for seq in self._labels if seq not in self._label_flights]
        try:
            for key in decisions[:MAX_RESUBMITTED]:
                self.submit(key)
            for seq in labels[:MAX_RESUBMITTED]:
                self.submit_label(seq)
        except StoreUnavailableError:
            return  # still full; the next commit that succeeds comes back here


def _said(status: Status) -> Said:
    return status.tenant, status.event_id, status.status, status.note
