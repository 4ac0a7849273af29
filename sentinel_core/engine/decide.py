"""From an event to its decision on the way to the record.

An event is admitted to the entity logs in the order of arrival, and an id is decided once however
often it comes. Where all models are in this process, everything up to the record runs without a pause;
where some are called, others go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from sentinel_core.clock import Clock
from sentinel_core.decision import Decision
from sentinel_core.engine.arms import Arms
from sentinel_core.engine.arrivals import Arrivals
from sentinel_core.engine.judge import Admitted, judge_asking, judge_here
from sentinel_core.engine.unsettled import InFlight, Key, Unsettled
from sentinel_core.errors import (
    ConflictError,
    InvalidEventError,
    Problem,
    SentinelError,
    StoreUnavailableError,
)
from sentinel_core.events import Event
from sentinel_core.store import Store
from sentinel_core.store.pending import RETRY, Bundle
from sentinel_core.telemetry import DecisionMetrics

DECIDED_AT_ONCE = 4
"""Events of a batch decided before other requests get a turn: some 2 ms, 5 where all are explained."""
HANDED_OVER_AT_ONCE = 64
"""Decisions of a batch that share a commit, so that the writer works while the next are decided."""
ASKING_AT_ONCE = 32
"""Events of one batch that wait for model servers at once. A batch of 1,000 asked all at once would
find most of its answers late."""

Found = InFlight | Decision | asyncio.Task[InFlight]
"""What an event has: a decision on its way to the record, one that is there, or one in the making."""


class Decider:
    """Decides events. Used from one event loop.

    Attributes
    ----------
    arms : the releases that decide; replaced as a whole, so that an event sees one state of it
    unsettled : what stands in the entity logs and is not known to be recorded
    """

    def __init__(
        self, store: Store, arrivals: Arrivals, arms: Arms, clock: Clock, metrics: DecisionMetrics
    ) -> None:
        self.arms = arms
        self.unsettled = Unsettled(store, self._count)
        self._store = store
        self._arrivals = arrivals
        self._clock = clock
        self._metrics = metrics
        self._asking: dict[Key, asyncio.Task[InFlight]] = {}

    async def decide(self, event: Event, *, explain: bool, deadline_ns: int | None) -> Decision:
        """Decide an event, or find the decision it has, as `Engine.decide` says."""
        found = self._prepare(event, explain=explain, deadline_ns=deadline_ns)
        return await self._recorded(found, deadline_ns)

    async def decide_many(
        self, events: Sequence[Event], *, explain: bool, deadline_ns: int | None
    ) -> list[Decision | SentinelError]:
        """Decide events in order, as `Engine.decide_many` says."""
        prepared: list[Found | SentinelError] = []
        asking: deque[asyncio.Task[InFlight]] = deque()
        bundle: Bundle = []
        try:
            for number, event in enumerate(events, start=1):
                found = self._prepare_or_error(
                    event, explain=explain, deadline_ns=deadline_ns, bundle=bundle
                )
                prepared.append(found)
                if isinstance(found, asyncio.Task):
                    asking.append(found)
                full = len(asking) == ASKING_AT_ONCE
                if full or len(bundle) == HANDED_OVER_AT_ONCE:
                    self._store.hand_over(bundle)
                    bundle = []
                if full:
                    left_seconds = self._left_seconds(deadline_ns)
                    await asyncio.wait([asking.popleft()], timeout=left_seconds)
                elif number % DECIDED_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:  # also where the caller has gone: what stands in the logs must be recorded
            self._store.hand_over(bundle)
        return [await self._settled(item, deadline_ns) for item in prepared]

    async def finish(self) -> None:
        """Wait for the models that are being asked; their deadlines bound it."""
        while self._asking:
            await asyncio.wait(self._asking.values())
        self.unsettled.hand_over()

    def _prepare_or_error(
        self, event: Event, *, explain: bool, deadline_ns: int | None, bundle: Bundle
    ) -> Found | SentinelError:
        try:
            return self._prepare(event, explain=explain, deadline_ns=deadline_ns, bundle=bundle)
        except SentinelError as error:
            return error

    def _prepare(
        self, event: Event, *, explain: bool, deadline_ns: int | None, bundle: Bundle | None = None
    ) -> Found:
        """Do steps 1b to 7, or begin to where models are called, and hand on the decision."""
        self._require_type(event)
        key = (event.tenant, event.id)
        known = self._known(key, event)
        if known is not None:
            return known
        unsettled = self.unsettled.decision(key)
        if unsettled is not None:
            _same_or_conflict(event, unsettled.event_digest)
            return self.unsettled.submit(key, deadline_ns, bundle)
        # One that was admitted and has no decision met an error on the way to it: it is not seen twice.
        admitted = self.unsettled.admitted(key) or self._admit(event, explain=explain)
        _same_or_conflict(event, admitted.event.digest)
        if admitted.release.remote_models:
            return self._ask(key, admitted, deadline_ns)
        return self._submit(judge_here(admitted, self._clock), deadline_ns, bundle)

    def _require_type(self, event: Event) -> None:
        decided = self.arms.stable.spec.event_type
        if event.type != decided:
            hint = "send it to the server of a pipeline for its type"
            raise InvalidEventError(
                "The event is not valid: type.",
                (Problem("type", f"is {event.type}; this pipeline decides {decided}", hint),),
                user_action="Send the event to another server, or correct its type.",
            )

    def _known(self, key: Key, event: Event) -> Found | None:
        """Return what an earlier arrival of this id led to, before anything changes."""
        admitted = self.unsettled.admitted(key)
        if admitted is not None:
            _same_or_conflict(event, admitted.event.digest)
            return self._asking.get(key)
        flight = self.unsettled.flight(key)
        if flight is not None:
            _same_or_conflict(event, flight.decision.event_digest)
            return flight
        if self.unsettled.decision(key) is not None:
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

    def _admit(self, event: Event, *, explain: bool) -> Admitted:
        """Do steps 2 to 4: from now on the event is seen by those that come after it."""
        self.unsettled.refuse_when_full()
        started_ns = self._clock.elapsed_ns()
        arm, release = self.arms.pick(event)
        observation = self._arrivals.observer.observe(
            event.tenant, event.occurred_at_us, event.fields
        )
        admitted = Admitted(
            event=event,
            observation=observation,
            arm=arm,
            release=release,
            seq=self._arrivals.next_seq(),
            explain=explain,
            started_ns=started_ns,
            observed_ns=self._clock.elapsed_ns(),
        )
        self.unsettled.admit(admitted)
        return admitted

    def _ask(self, key: Key, admitted: Admitted, deadline_ns: int | None) -> asyncio.Task[InFlight]:
        async def judge_and_submit() -> InFlight:
            decision = await judge_asking(admitted, self._clock, deadline_ns)
            return self._submit(decision, deadline_ns)

        task = self._asking[key] = asyncio.create_task(judge_and_submit())
        task.add_done_callback(lambda _: self._asking.pop(key))
        return task

    def _submit(
        self, decision: Decision, deadline_ns: int | None, bundle: Bundle | None = None
    ) -> InFlight:
        """Hand a decision to the writer, or keep it in the bundle."""
        self.unsettled.add(decision)
        return self.unsettled.submit((decision.tenant, decision.event_id), deadline_ns, bundle)

    async def _recorded(self, found: Found, deadline_ns: int | None) -> Decision:
        """Wait until a decision is recorded, within the budget of the caller who asks now.

        It may have been begun for another one, with a later deadline or, offered again, with none.
        """
        if isinstance(found, asyncio.Task):
            try:
                async with asyncio.timeout(self._left_seconds(deadline_ns)):
                    # Whoever gives up waiting must not end the work: the event stands in the logs.
                    found = await asyncio.shield(found)
            except TimeoutError:
                raise StoreUnavailableError(
                    "The decision was still being made at the deadline.", user_action=RETRY
                ) from None
        if isinstance(found, Decision):
            return found
        await found.pending.answer(deadline_ns)
        return found.decision

    async def _settled(
        self, item: Found | SentinelError, deadline_ns: int | None
    ) -> Decision | SentinelError:
        if isinstance(item, SentinelError):
            return item
        try:
            return await self._recorded(item, deadline_ns)
        except SentinelError as error:
            return error

    def _left_seconds(self, deadline_ns: int | None) -> float | None:
        if deadline_ns is None:
            return None
        return max(0, deadline_ns - self._clock.elapsed_ns()) / 1e9

    def _count(self, decision: Decision, admitted: Admitted) -> None:
        counts = self._metrics.decided
        counts.decisions[decision.outcome, decision.arm] += 1
        for signal in decision.signals:
            counts.signals[signal.status] += 1
        for part in decision.degraded:
            counts.degraded[part.partition(":")[0]] += 1
        for stage, took_us in decision.stage_us.items():
            counts.stages[stage].observe(took_us / 1e6)
        counts.whole.observe((self._clock.elapsed_ns() - admitted.started_ns) / 1e9)


def _same_or_conflict(event: Event, digest: str) -> None:
    if event.digest != digest:
        raise ConflictError(
            f"The id {event.id} was used for another event.",
            user_action="Send a new event under a new id, or the same event unchanged.",
        )
