"""The decision engine: the one room that sees all the others.

It hands each its slice of the release and never the whole. Steps 3 to 7 of a decision run without
pause on the event loop; only step 8, the commit, is waited for, together with those of other events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from sentinel_core.clock import Clock, SystemClock
from sentinel_core.decision import Decision
from sentinel_core.engine.arms import Arms
from sentinel_core.engine.arrivals import Arrivals
from sentinel_core.engine.feedback import LABEL_OF, Feedback, Verdict
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.record import build_decision
from sentinel_core.engine.replay import Replay, Replayer
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.engine.unsettled import InFlight, Key, Unsettled
from sentinel_core.errors import (
    ConflictError,
    InvalidEventError,
    NotFoundError,
    Problem,
    SentinelError,
)
from sentinel_core.events import Event
from sentinel_core.release.projection import Projection
from sentinel_core.store import Store
from sentinel_core.store.rows import Status, StoredLabel
from sentinel_core.telemetry import DecisionMetrics


class Engine:
    """Decides events, remembers them, and answers for what it decided.

    Made by `Engine.open`. Used from one event loop; nothing here is thread-safe.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms it joins
        self,
        store: Store,
        loader: Loader,
        arrivals: Arrivals,
        arms: Arms,
        clock: Clock,
        metrics: DecisionMetrics,
    ) -> None:
        self._store = store
        self._loader = loader
        self._replayer = Replayer(store, loader, clock)
        self._arrivals = arrivals
        self._arms = arms
        self._clock = clock
        self._metrics = metrics
        self._unsettled = Unsettled(store)
        self._refusal: Refusal | None = None

    @classmethod
    def open(
        cls,
        state_dir: Path,
        projection: Projection,
        *,
        metrics: DecisionMetrics,
        history: Path | None = None,
        clock: Clock | None = None,
    ) -> Engine:
        """Open the record, load the releases and rebuild the entity logs.

        Blocks for as long as the history takes to load, about ten seconds for a million events.

        Parameters
        ----------
        state_dir : Path
            Folder of the record and of kept artifacts; made where there is none.
        projection : Projection
            The releases to begin with.

        Raises
        ------
        ReleaseError, ArtifactError, InvalidDocumentError
            The stable release cannot be served. Retryable: where its store could not be reached.
        StoreLockedError
            Another process serves this state directory. Retryable: once it has ended.
        InvalidTableError
            The history is not usable with this release. Retryable: no.
        """
        clock = clock or SystemClock()
        state_dir.mkdir(parents=True, exist_ok=True)
        store = Store.open(
            state_dir / "record.db", clock=clock, on_commit=metrics.commit_size.observe
        )
        try:
            loader = Loader(state_dir / "artifacts", store, clock)
            arms = loader.load_arms(projection)
            arrivals = Arrivals.rebuild(store, arms.specs(), history, clock)
        except BaseException:
            store.close()
            raise
        metrics.entities.set(len(arrivals.observer.state.logs))
        return cls(store, loader, arrivals, arms, clock, metrics)

    # Deciding

    async def decide(
        self, event: Event, *, explain: bool = False, deadline_ns: int | None = None
    ) -> Decision:
        """Decide an event, or find the decision it has.

        Parameters
        ----------
        explain : bool
            Compute contributions also for an outcome of approve. A decision that exists already is
            returned as it was recorded.
        deadline_ns : int or None
            On the clock's ``elapsed_ns``; after it the answer is an error, never an unrecorded
            decision.

        Raises
        ------
        InvalidEventError
            The release decides events of another type. Retryable: no.
        ConflictError
            The id was used for another event. Retryable: no.
        StoreUnavailableError
            The decision could not be recorded in time. Retryable: yes, with the same id.
        """
        flight = self._prepare(event, explain=explain, deadline_ns=deadline_ns)
        if isinstance(flight, Decision):
            return flight
        await flight.pending
        return flight.decision

    async def decide_many(
        self, events: Sequence[Event], *, explain: bool = False, deadline_ns: int | None = None
    ) -> list[Decision | SentinelError]:
        """Decide events in order, all recorded together; each has its own decision or error."""
        prepared: list[InFlight | Decision | SentinelError] = []
        for event in events:
            try:
                prepared.append(self._prepare(event, explain=explain, deadline_ns=deadline_ns))
            except SentinelError as error:
                prepared.append(error)
            # Let other requests in between the events of a long batch.
            await asyncio.sleep(0)
        return [await _settled(item) for item in prepared]

    def _prepare(
        self, event: Event, *, explain: bool, deadline_ns: int | None
    ) -> InFlight | Decision:
        """Do steps 1b to 7, and hand the decision to the writer."""
        self._require_type(event)
        key = (event.tenant, event.id)
        known = self._known(key, event)
        if known is not None:
            return known
        unsettled = self._unsettled.decision(key)
        if unsettled is None:
            self._decide_new(event, explain=explain)
        else:
            _same_or_conflict(event, unsettled[0].event_digest)
        return self._unsettled.submit(key, deadline_ns)

    def _require_type(self, event: Event) -> None:
        decided = self._arms.stable.spec.event_type
        if event.type != decided:
            hint = "send it to the server of a pipeline for its type"
            raise InvalidEventError(
                "The event is not valid: type.",
                (Problem("type", f"is {event.type}; this pipeline decides {decided}", hint),),
                user_action="Send the event to another server, or correct its type.",
            )

    def _known(self, key: Key, event: Event) -> InFlight | Decision | None:
        """Return what an earlier arrival of this id led to, before anything changes."""
        flight = self._unsettled.flight(key)
        if flight is not None:
            _same_or_conflict(event, flight.decision.event_digest)
            return flight
        if self._unsettled.decision(key) is not None:
            return None
        decision = self._store.find_decision(*key)
        if decision is not None:
            _same_or_conflict(event, decision.event_digest)
            return decision
        if self._arrivals.in_history(*key):
            raise ConflictError(
                f"The event {event.id} is part of the backfilled history.",
                user_action="Send events that came after it.",
            )
        return None

    def _decide_new(self, event: Event, *, explain: bool) -> None:
        self._unsettled.refuse_when_full()
        started_ns = self._clock.elapsed_ns()
        arm, release = self._arms.pick(event)
        observation = self._arrivals.observer.observe(
            event.tenant, event.occurred_at_us, event.fields
        )
        decision = build_decision(
            release,
            event,
            observation,
            arm=arm,
            seq=self._arrivals.next_seq(),
            explained=explain,
            clock=self._clock,
            started_ns=started_ns,
        )
        self._unsettled.add(decision, event)
        self._count(decision)

    def _count(self, decision: Decision) -> None:
        metrics = self._metrics
        metrics.decisions.labels(decision.outcome, decision.arm).inc()
        for signal in decision.signals:
            metrics.signals.labels(signal.status).inc()
        for part in decision.degraded:
            metrics.degraded.labels(part.split(":")[0]).inc()
        for stage, took_us in decision.stage_us.items():
            metrics.stage_seconds.labels(stage).observe(took_us / 1e6)

    # Answering for decisions

    async def find(self, tenant: str, decision_id: str) -> Decision:
        """Return a recorded decision.

        Raises
        ------
        NotFoundError
            This tenant has none of that id. Retryable: no.
        """
        decision = self._store.find_decision_by_id(tenant, decision_id)
        if decision is None:
            raise NotFoundError(f"There is no decision {decision_id}.", user_action="Check the id.")
        return decision

    def recorded(self) -> Iterator[Decision]:
        """Iterate all recorded decisions in order of arrival; for a thread, not the event loop."""
        return self._store.decisions()

    def feature_names(self, decision: Decision) -> tuple[str, ...]:
        """Return the names of a recorded vector's values, from the release that decided."""
        return self._release_of(decision).spec.names

    async def replay(self, tenant: str, decision_id: str) -> Replay:
        """Recompute a recorded decision and compare. Raises as `find`."""
        decision = await self.find(tenant, decision_id)
        return self._replayer.decision(decision, self._arms.by_digest(decision.release_digest))

    def _release_of(self, decision: Decision) -> LoadedRelease:
        return self._arms.by_digest(decision.release_digest) or self._loader.load_recorded(
            decision.release_digest
        )

    async def feedback(
        self, tenant: str, event_id: str, verdict: Verdict, *, note: str, author: str
    ) -> Feedback:
        """Take what became known about an event: a label, or the status ``escalated``.

        The same verdict again changes nothing. Answered after the commit.

        Raises
        ------
        NotFoundError
            This tenant has no such event. Retryable: no.
        StoreUnavailableError
            It could not be recorded in time. Retryable: yes.
        """
        event = self._arrivals.find_event(tenant, event_id)
        if event is None:
            raise NotFoundError(f"There is no event {event_id}.", user_action="Check the id.")
        statuses = self._store.statuses_of(tenant, event_id)
        label = LABEL_OF.get(verdict)
        if statuses and statuses[-1].status == verdict and statuses[-1].note == note:
            return Feedback(event_id, verdict, label, statuses[-1].set_at_us, repeated=True)
        now_us = self._clock.now_us()
        status = Status(tenant, event_id, verdict, note, author, now_us)
        if label is None:
            await self._store.set_status(status)
            return Feedback(event_id, verdict, None, now_us, repeated=False)
        stored = self._unsettled.label(status)
        if stored is None:
            seq = self._arrivals.next_seq()
            stored = StoredLabel(seq, tenant, event_id, label, now_us, author, "feedback")
            self._arrivals.observer.label(
                tenant, event_id, event.time_us, event.fields,
                known_at_us=now_us, order=seq, label=label,
            )  # fmt: skip
            self._unsettled.add_label(stored, status)
        await self._unsettled.submit_label(stored.seq)
        return Feedback(event_id, verdict, label, stored.known_at_us, repeated=False)

    # Releases

    def served(self) -> Served:
        """Say what this process serves; the operator believes nothing else."""
        return self._arms.served().without(self._refusal)

    @property
    def budget_ms(self) -> int:
        """Milliseconds that one decision may take in all, as the stable release has it."""
        return self._arms.stable.budget_ms

    async def take_up(self, projection: Projection) -> None:
        """Switch to what a projection says, or keep what is served and raise.

        Loading happens on a thread; the switch itself is one assignment, so no event ever sees half
        of two releases. A candidate that cannot be served is left out; `served` says why.

        Raises
        ------
        ReleaseError, ArtifactError, InvalidDocumentError
            The stable release cannot be served; the old one goes on. Retryable: where its store
            could not be reached.
        StoreUnavailableError
            The record cannot be read. Retryable: yes.
        """
        try:
            arms = await asyncio.to_thread(self._loader.load_arms, projection, self._arms)
            arms = await self._cover(arms)
        except SentinelError as error:
            self._refusal = Refusal.of(error, projection.stable.digest)
            self._metrics.refused_releases.inc()
            raise
        if arms.candidate_refusal is not None:
            self._metrics.refused_releases.inc()
        self._arms = arms
        self._refusal = None

    async def _cover(self, arms: Arms) -> Arms:
        """Make the entity logs hold what releases need, where need be without the candidate."""
        try:
            await self._arrivals.cover(arms.specs(), self._unsettled.arrivals)
        except SentinelError as error:
            if arms.candidate is None or error.retryable:
                raise
            alone = Arms(arms.stable, candidate_refusal=Refusal(error, arms.candidate.digest))
            return await self._cover(alone)
        return arms

    def close(self) -> None:
        """Write what is waiting and let another process serve."""
        self._store.close()


def _same_or_conflict(event: Event, digest: str) -> None:
    if event.digest != digest:
        raise ConflictError(
            f"The id {event.id} was used for another event.",
            user_action="Send a new event under a new id, or the same event unchanged.",
        )


async def _settled(item: InFlight | Decision | SentinelError) -> Decision | SentinelError:
    if not isinstance(item, InFlight):
        return item
    try:
        await item.pending
    except SentinelError as error:
        return error
    return item.decision
