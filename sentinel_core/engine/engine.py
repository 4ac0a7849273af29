"""The decision engine: the one room that sees all the others.

It hands each its slice of the release and never the whole. Steps 3 to 7 of a decision run without
pause on the event loop; only step 8, the commit, is waited for, together with those of other events.
A release that has models called at their servers waits in step 5 too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from sentinel_core.artifacts.folder import remove_leftovers
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.clock import Clock, SystemClock
from sentinel_core.decision import Decision
from sentinel_core.engine.arms import Arms
from sentinel_core.engine.arrivals import Arrivals
from sentinel_core.engine.decide import Decider
from sentinel_core.engine.feedback import LABEL_OF, Feedback, Verdict
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.replay import Replay, Replayer
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.errors import ModelServerNotReadyError, NotFoundError, SentinelError
from sentinel_core.events import Event
from sentinel_core.oip.client import ModelServers
from sentinel_core.release.projection import Projection
from sentinel_core.store import Store
from sentinel_core.store.rows import Status, StoredLabel
from sentinel_core.telemetry import DecisionMetrics

FETCH_BUDGET = Budget(attempts=1)
"""One attempt: who serves releases tries again by itself, and meanwhile sees when others come."""
REACH_SECONDS = 2.0
"""Until a model server must answer whether it has a model; connecting takes milliseconds."""


class Engine:
    """Decides events, remembers them, and answers for what it decided.

    Made by `Engine.open`. Used from one event loop; nothing here is thread-safe.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms it joins
        self,
        store: Store,
        loader: Loader,
        servers: ModelServers,
        arrivals: Arrivals,
        arms: Arms,
        clock: Clock,
        metrics: DecisionMetrics,
    ) -> None:
        self._store = store
        self._loader = loader
        self._servers = servers
        self._replayer = Replayer(store, loader, clock)
        self._arrivals = arrivals
        self._decider = Decider(store, arrivals, arms, clock, metrics)
        self._clock = clock
        self._metrics = metrics
        self._refusal: Refusal | None = None

    @classmethod
    def open(  # noqa: PLR0913 - what it is given from outside
        cls,
        state_dir: Path,
        projection: Projection,
        *,
        metrics: DecisionMetrics,
        history: Path | None = None,
        stores_dir: Path | None = None,
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
        history : Path or None
            File of events and labels from before the record.
        stores_dir : Path or None
            Folder of the settings of artifact stores, as `Loader` takes it.

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
            # The lock is ours, and `sentinel up` keeps artifacts only before a start and after it.
            remove_leftovers(state_dir / "artifacts")
            servers = ModelServers()
            loader = Loader(
                state_dir / "artifacts", store, clock,
                stores_dir=stores_dir, budget=FETCH_BUDGET, servers=servers,
            )  # fmt: skip
            arms = loader.load_arms(projection)
            arrivals = Arrivals.rebuild(store, arms.specs(), history, clock)
        except BaseException:
            store.close()
            raise
        metrics.entities.set(len(arrivals.observer.state.logs))
        return cls(store, loader, servers, arrivals, arms, clock, metrics)

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
        return await self._decider.decide(event, explain=explain, deadline_ns=deadline_ns)

    async def decide_many(
        self, events: Sequence[Event], *, explain: bool = False, deadline_ns: int | None = None
    ) -> list[Decision | SentinelError]:
        """Decide events in order, all recorded together; each has its own decision or error."""
        return await self._decider.decide_many(events, explain=explain, deadline_ns=deadline_ns)

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
        digest = decision.release_digest
        release = self._decider.arms.by_digest(digest)
        return release.spec.names if release else self._loader.recorded_names(digest)

    async def replay(self, tenant: str, decision_id: str) -> Replay:
        """Recompute a recorded decision and compare, on a thread. Raises as `find`.

        Models that are called at their servers are loaded here for it: what a server says today would
        prove nothing.
        """
        decision = await self.find(tenant, decision_id)
        release = self._decider.arms.by_digest(decision.release_digest)
        here = None if release is None or release.remote_models else release
        return await asyncio.to_thread(self._replayer.decision, decision, here)

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
            It could not be recorded in time, or too many wait for the record. Retryable: yes.
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
        stored = self._decider.unsettled.label(status)
        if stored is None:
            self._decider.unsettled.refuse_labels_when_full()
            seq = self._arrivals.next_seq()
            stored = StoredLabel(seq, tenant, event_id, label, now_us, author, "feedback")
            self._arrivals.observer.label(
                tenant, event_id, event.time_us, event.fields,
                known_at_us=now_us, order=seq, label=label,
            )  # fmt: skip
            self._decider.unsettled.add_label(stored, status)
        await self._decider.unsettled.submit_label(stored.seq)
        return Feedback(event_id, verdict, label, stored.known_at_us, repeated=False)

    # Releases

    def served(self) -> Served:
        """Say what this process serves; the operator believes nothing else."""
        return self._decider.arms.served().without(self._refusal)

    @property
    def budget_ms(self) -> int:
        """Milliseconds that one decision may take in all, as the stable release has it."""
        return self._decider.arms.stable.budget_ms

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
            arms = await asyncio.to_thread(self._loader.load_arms, projection, self._decider.arms)
            arms = await self._cover(await self._reach(arms))
        except SentinelError as error:
            self._refusal = Refusal.of(error, projection.stable.digest)
            self._metrics.refused_releases.inc()
            raise
        if arms.candidate_refusal is not None:
            self._metrics.refused_releases.inc()
        self._decider.arms = arms
        self._refusal = None
        self._servers.keep_to(arms.model_server_urls())

    async def connect(self) -> None:
        """Get connected to the model servers that the releases name, so that no event waits for it.

        A server that is not there is no fault: decisions are given without its model meanwhile.
        """
        arms = self._decider.arms
        for release in (arms.stable, arms.candidate):
            if release is not None:
                await _missing_models(release)

    async def _reach(self, arms: Arms) -> Arms:
        """Get connected to the model servers of new releases; a candidate waits for its own."""
        known, candidate = self._decider.arms, arms.candidate
        if known.by_digest(arms.stable.digest) is None:
            await _missing_models(arms.stable)
        if candidate is None or known.by_digest(candidate.digest) is not None:
            return arms
        missing = await _missing_models(candidate)
        if not missing:
            return arms
        error = ModelServerNotReadyError(
            f"The server of the model {', '.join(missing)} does not serve its artifact yet.",
            user_action="Wait until it is loaded there; look at the SentinelModel's conditions.",
        )
        return Arms(arms.stable, candidate_refusal=Refusal(error, candidate.digest))

    async def _cover(self, arms: Arms) -> Arms:
        """Make the entity logs hold what releases need, where need be without the candidate."""
        try:
            await self._arrivals.cover(arms.specs(), self._decider.unsettled.arrivals)
        except SentinelError as error:
            if arms.candidate is None or error.retryable:
                raise
            alone = Arms(arms.stable, candidate_refusal=Refusal(error, arms.candidate.digest))
            return await self._cover(alone)
        return arms

    async def finish(self) -> None:
        """Let what is under way end, and let go of the model servers. Before `close`."""
        await self._decider.finish()
        await self._servers.close()

    def close(self) -> None:
        """Write what is waiting and let another process serve."""
        self._store.close()


async def _missing_models(release: LoadedRelease) -> list[str]:
    """Ask the servers of a release's models for them, and name those that cannot be had."""
    models = release.remote_models
    served = await asyncio.gather(*(model.is_served(REACH_SECONDS) for model in models))
    return [model.name for model, is_served in zip(models, served, strict=True) if not is_served]
