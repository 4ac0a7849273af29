"""One round: what is, what should be, and what is done about the difference."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from sentinel_core.clock import Clock
from sentinel_operator.kube.apply import Writer
from sentinel_operator.kube.cache import Cache, Entry, names_in
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.errors import MEND_REFUSAL, KubeError, RefusedError
from sentinel_operator.kube.events import Poster
from sentinel_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    KINDS,
    MODEL,
    PIPELINE,
    POD,
    REVISION,
    ObjectKey,
    ResourceKey,
)
from sentinel_operator.kube.served import PodReports, askable
from sentinel_operator.metrics import OperatorMetrics
from sentinel_operator.queue import Again
from sentinel_operator.services.plan import Name, Object, Observed, Plan, Served
from sentinel_operator.services.proof import JOB_LABEL
from sentinel_operator.services.status import keep_releases

Decide = Callable[[Observed], Plan]
Step = tuple[ObjectKey, Callable[[], Awaitable[bool]]]
"""An object, and the call that changes it where that is needed; it returns whether it did."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Runs rounds. It remembers nothing between them that the cluster does not hold.

    Attributes
    ----------
    decide : by kind of resource: what to do about what was observed
    apis : returns the optional APIs that the cluster has
    """

    client: KubeClient
    cache: Cache
    reports: PodReports
    poster: Poster
    clock: Clock
    metrics: OperatorMetrics
    decide: Mapping[str, Decide]
    apis: Callable[[], frozenset[str]]

    async def run(self, key: ResourceKey) -> Again:
        """Run a round for a resource; what goes wrong is counted, logged and tried again."""
        began_ns = self.clock.elapsed_ns()
        try:
            again = await self._round(key)
        except KubeError as error:
            # What passes by itself is for those who look for it.
            level = logging.WARNING if isinstance(error, RefusedError) else logging.INFO
            logger.log(level, "%s: %s", key, error)
            self.metrics.errors.labels(key.kind, error.reason).inc()
            again = Again("failed", error.retry_after_seconds)
        except Exception:
            # One resource that trips over a fault of ours must not keep the others from their rounds.
            logger.exception("%s: a fault in the operator", key)
            self.metrics.errors.labels(key.kind, "fault").inc()
            again = Again("failed")
        seconds = (self.clock.elapsed_ns() - began_ns) / 1e9
        self.metrics.reconcile_seconds.labels(key.kind, again.outcome).observe(seconds)
        return again

    async def _round(self, key: ResourceKey) -> Again:
        entry = self.cache.get(ObjectKey(*key))
        if entry is None or entry.thing["metadata"].get("deletionTimestamp"):
            # Its children go with it: they name it as their owner.
            self.reports.forget(key)
            return Again("settled")
        seen = self.cache.belonging_to(key)
        observed = await self._observe(key, entry, seen)
        plan = await self._decide(key, observed)
        found = await self._look_for(key, plan, seen)
        if found:
            # Names that are taken, or children whose labels somebody removed.
            seen = {**seen, **found}
            revisions = _of_kind(seen, REVISION.name)
            observed = replace(observed, children=_children(seen), revisions=revisions)
            plan = await self._decide(key, observed)
        changed = await self._carry_out(key, entry, observed, plan, seen)
        pods = askable(observed.pods)
        self.reports.expect(key, pods, soon=plan.ask_pods)
        return Again("changed" if changed else "settled", plan.again_after_seconds)

    async def _decide(self, key: ResourceKey, observed: Observed) -> Plan:
        # On a thread: to compile the largest lists takes longer than the Lease lasts, and whoever
        # renews it must not wait for that.
        return await asyncio.to_thread(self.decide[key.kind], observed)

    async def _observe(
        self, key: ResourceKey, entry: Entry, seen: Mapping[ObjectKey, Entry]
    ) -> Observed:
        pods = _of_kind(seen, POD.name)
        ours = tuple(pod for pod in pods if JOB_LABEL not in pod["metadata"].get("labels", {}))
        pipelines = self.cache.named(PIPELINE.name, key.namespace) if _is_model(key) else {}
        return Observed(
            resource=entry.thing,
            children=_children(seen),
            pods=ours,
            proof_pods=tuple(pod for pod in pods if JOB_LABEL in pod["metadata"].get("labels", {})),
            inputs=await self._inputs(key, entry),
            models={} if _is_model(key) else self.cache.named(MODEL.name, key.namespace),
            pipelines=pipelines,
            pipeline_revisions={name: self._revisions(key, name) for name in pipelines},
            revisions=_of_kind(seen, REVISION.name),
            served=tuple(
                Served(*answer) for answer in await self.reports.answers(key, askable(ours))
            ),
            apis=self.apis(),
            now=self.clock.now_us() / 1e6,
        )

    def _revisions(self, key: ResourceKey, pipeline: str) -> tuple[Object, ...]:
        owner = ResourceKey(PIPELINE.name, key.namespace, pipeline)
        return _of_kind(self.cache.belonging_to(owner), REVISION.name)

    async def _inputs(self, key: ResourceKey, entry: Entry) -> Mapping[str, Object]:
        """Return the watched inputs, and those named that carry no label and are not watched."""
        inputs = self.cache.inputs(key.namespace)
        named = (name for name in names_in(entry.thing) if name.kind == CONFIG_MAP.name)
        # As they are read: an entry keeps the data only of those that carry the label.
        unlabelled = await self._read(name for name in named if name.name not in inputs)
        return {**inputs, **{name.name: thing for name, thing in unlabelled.items()}}

    async def _look_for(
        self, key: ResourceKey, plan: Plan, seen: Mapping[ObjectKey, Entry]
    ) -> Mapping[ObjectKey, Entry]:
        wanted = {_key(key, thing) for thing in (*plan.apply, *plan.create)}
        things = await self._read(wanted - seen.keys())
        return {name: Entry.of(thing) for name, thing in things.items()}

    async def _read(self, keys: Iterable[ObjectKey]) -> Mapping[ObjectKey, Object]:
        wanted = sorted(keys)
        paths = [KINDS[key.kind].path(key.namespace, key.name) for key in wanted]
        things = await asyncio.gather(*(self.client.find(path) for path in paths))
        return {key: thing for key, thing in zip(wanted, things, strict=True) if thing is not None}

    async def _carry_out(
        self,
        key: ResourceKey,
        entry: Entry,
        observed: Observed,
        plan: Plan,
        seen: Mapping[ObjectKey, Entry],
    ) -> bool:
        writer = Writer(self.client, self.cache, key)
        changed, refused = await _take(_writes(writer, plan, seen), vital=REVISION.name)
        unkept = any(kind == REVISION.name for kind, _ in refused)
        if not refused:
            adjusted, refused = await _take(_adjustments(writer, plan, seen))
            changed |= adjusted
        if refused:
            plan = await self._decide(key, replace(observed, refused=refused))
        if unkept:
            # Pods were told nothing of a release that could not be kept.
            plan = replace(plan, status=keep_releases(plan.status, entry.thing.get("status") or {}))
        if await writer.write_status(plan.status, entry):
            changed = True
            await self._post(key, entry, plan)
        if refused:
            raise _as_one(key, refused)
        return changed

    async def _post(self, key: ResourceKey, entry: Entry, plan: Plan) -> None:
        for notice in plan.notices:
            try:
                await self.poster.post(entry.thing, notice.type, notice.reason, notice.message)
            except KubeError as error:
                # The status holds the same; an Event is worth no second round.
                logger.warning("%s: no Event %s: %s", key, notice.reason, error)
                self.metrics.errors.labels(key.kind, f"event_{error.reason}").inc()


async def _take(steps: Iterable[Step], *, vital: str | None = None) -> tuple[bool, dict[Name, str]]:
    """Take steps; return whether any changed something, and what the API server refused.

    One refusal keeps no other object from its step, but for that of a ``vital`` kind: without it
    nothing that follows may be done.
    """
    changed = False
    refused: dict[Name, str] = {}
    for key, step in steps:
        try:
            changed |= await step()
        except RefusedError as error:
            refused[key.kind, key.name] = error.words
            if key.kind == vital:
                break
    return changed, refused


def _writes(writer: Writer, plan: Plan, seen: Mapping[ObjectKey, Entry]) -> Iterator[Step]:
    """Yield what is to be applied and created."""
    for thing in plan.apply:
        key = _key(writer.owner, thing)
        yield key, partial(writer.apply, thing, seen.get(key))
    for thing in plan.create:
        key = _key(writer.owner, thing)
        yield key, partial(writer.create, thing, seen.get(key))


def _adjustments(writer: Writer, plan: Plan, seen: Mapping[ObjectKey, Entry]) -> Iterator[Step]:
    """Yield what is to be deleted, scaled and touched of what was seen.

    What is not there yet has its turn in another round.
    """
    namespace = writer.owner.namespace
    for kind, name in plan.delete:
        key = ObjectKey(kind, namespace, name)
        if key in seen:
            yield key, partial(writer.delete, seen[key])
    if plan.scale is not None:
        key = ObjectKey(DEPLOYMENT.name, namespace, plan.scale.deployment)
        # As it was just applied.
        deployment = writer.cache.get(key)
        if deployment is not None:
            yield key, partial(writer.scale, plan.scale.replicas, deployment)
    for touch in plan.touch:
        key = ObjectKey(POD.name, namespace, touch.pod)
        if key in seen:
            yield key, partial(writer.touch, touch.annotation, touch.value, seen[key])


def _as_one(key: ResourceKey, refused: Mapping[Name, str]) -> RefusedError:
    words = "; ".join(f"{kind} {name}: {said}" for (kind, name), said in refused.items())
    return RefusedError(
        f"The API server refused {len(refused)} changes for {key}: {words}.",
        words=words,
        user_action=MEND_REFUSAL,
    )


def _key(owner: ResourceKey, thing: Object) -> ObjectKey:
    return ObjectKey(thing["kind"], owner.namespace, thing["metadata"]["name"])


def _is_model(key: ResourceKey) -> bool:
    return key.kind == MODEL.name


def _of_kind(seen: Mapping[ObjectKey, Entry], kind: str) -> tuple[Object, ...]:
    return tuple(entry.thing for key, entry in seen.items() if key.kind == kind)


def _children(seen: Mapping[ObjectKey, Entry]) -> dict[Name, Object]:
    return {
        (key.kind, key.name): entry.thing
        for key, entry in seen.items()
        if key.kind not in (POD.name, REVISION.name)
    }
