"""One round: what is, what should be, and what is done about the difference."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sentinel_core.clock import Clock
from sentinel_operator.kube.apply import Writer
from sentinel_operator.kube.cache import Cache, Entry, names_in
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.errors import KubeError, RefusedError
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

Decide = Callable[[Observed], Plan]
JOB_LABEL = "batch.kubernetes.io/job-name"
"""Which the job controller puts on the pods of a Job."""

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
        return await self._find(wanted - seen.keys())

    async def _find(self, keys: Iterable[ObjectKey]) -> Mapping[ObjectKey, Entry]:
        return {key: Entry.of(thing) for key, thing in (await self._read(keys)).items()}

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
        changed, refused = await _write_children(writer, plan, seen)
        if refused:
            plan = await self._decide(key, replace(observed, refused=refused))
        else:
            changed |= await _end_and_adjust(writer, plan, seen)
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


async def _write_children(
    writer: Writer, plan: Plan, seen: Mapping[ObjectKey, Entry]
) -> tuple[bool, dict[Name, str]]:
    """Apply and create; return whether that wrote anything, and what the API server refused."""
    changed = False
    refused: dict[Name, str] = {}
    steps = [(writer.apply, thing) for thing in plan.apply]
    steps += [(writer.create, thing) for thing in plan.create]
    for write, thing in steps:
        key = _key(writer.owner, thing)
        try:
            changed |= await write(thing, seen.get(key))
        except RefusedError as error:
            refused[key.kind, key.name] = error.words
    return changed, refused


async def _end_and_adjust(writer: Writer, plan: Plan, seen: Mapping[ObjectKey, Entry]) -> bool:
    """Delete, scale and touch what was seen; what is not there yet has its turn in another round."""
    changed = False
    for kind, name in plan.delete:
        child = seen.get(ObjectKey(kind, writer.owner.namespace, name))
        if child is not None:
            changed |= await writer.delete(child)
    if plan.scale is not None:
        deployment = writer.cache.get(
            ObjectKey(DEPLOYMENT.name, writer.owner.namespace, plan.scale.deployment)
        )
        if deployment is not None:
            changed |= await writer.scale(plan.scale.replicas, deployment)
    for touch in plan.touch:
        pod = seen.get(ObjectKey(POD.name, writer.owner.namespace, touch.pod))
        if pod is not None:
            changed |= await writer.touch(touch.annotation, touch.value, pod)
    return changed


def _as_one(key: ResourceKey, refused: Mapping[Name, str]) -> RefusedError:
    words = "; ".join(f"{kind} {name}: {said}" for (kind, name), said in refused.items())
    return RefusedError(
        f"The API server refused {len(refused)} children of {key}: {words}.",
        words=words,
        user_action="Change the resource, the operator's rights or the quota that the words name.",
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
