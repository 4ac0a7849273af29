"""Building the operator: every part, with the parts that it needs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from sentinel_core.clock import Clock, SystemClock
from sentinel_operator.config import Settings
from sentinel_operator.kube.bucket import TokenBucket
from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.connect import Cluster, Connections
from sentinel_operator.kube.events import Poster
from sentinel_operator.kube.fence import Fence
from sentinel_operator.kube.heartbeat import Heartbeat
from sentinel_operator.kube.kinds import WATCHED, Kind, ResourceKey
from sentinel_operator.kube.served import PodReports
from sentinel_operator.lease import CALL_SECONDS, Candidacy, Elector
from sentinel_operator.metrics import OperatorMetrics
from sentinel_operator.queue import KeyedQueue
from sentinel_operator.reconcile import Decide, Reconciler

SPARE_CONNECTIONS = 8
"""Beside one for each watch: kopf's lists and the watch of the Lease."""


@dataclass(slots=True)
class Operator:
    """All parts of one operator process.

    Attributes
    ----------
    reader : a client that is not fenced and never writes
    kinds : what is watched: all that the cluster has
    filled : set when the watches have listed everything; before, rounds would see half
    stop : set when the process is asked to end
    """

    settings: Settings
    clock: Clock
    metrics: OperatorMetrics
    connections: Connections
    client: KubeClient
    cache: Cache
    queue: KeyedQueue[ResourceKey]
    reports: PodReports
    heartbeat: Heartbeat
    fence: Fence
    elector: Elector
    reconciler: Reconciler
    apis: set[str]
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def namespaces(self) -> tuple[str | None, ...]:
        """The namespaces that are watched; None stands for all."""
        return self.settings.watch_namespaces or (None,)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is watched: every kind that the cluster has."""
        return tuple(kind for kind in WATCHED if not kind.optional or kind.api in self.apis)


def build_operator(settings: Settings, cluster: Cluster, decide: Mapping[str, Decide]) -> Operator:
    """Build the operator, in a running event loop. Nothing connects yet."""
    clock = SystemClock()
    metrics = OperatorMetrics(CollectorRegistry())
    watches = len(WATCHED) * max(1, len(settings.watch_namespaces)) + SPARE_CONNECTIONS
    connections = Connections(cluster, metrics, watches=watches, calls=settings.workers * 2)
    fence, heartbeat = Fence(clock), Heartbeat(clock)
    client = KubeClient(
        connections.work,
        cluster.server,
        call_seconds=settings.api_call_seconds,
        fence=fence,
        bucket=TokenBucket(settings.api_calls_per_second, clock),
    )
    identity = f"{settings.pod_name}_{uuid.uuid4().hex[:8]}"
    elector = Elector(
        KubeClient(connections.lease, cluster.server, call_seconds=CALL_SECONDS),
        fence,
        heartbeat,
        clock,
        Candidacy(settings.namespace, settings.lease_name, identity),
    )
    queue: KeyedQueue[ResourceKey] = KeyedQueue(clock)

    def ask_for_round(key: ResourceKey) -> None:
        # Nobody takes from a standby's queue; whoever begins to lead looks at everything.
        if elector.leading.is_set():
            queue.add(key)

    cache = Cache(changed=ask_for_round)
    reports = PodReports(clock, metrics, settings.resync_seconds, changed=ask_for_round)
    apis: set[str] = set()
    return Operator(
        settings=settings,
        clock=clock,
        metrics=metrics,
        connections=connections,
        client=client,
        cache=cache,
        queue=queue,
        reports=reports,
        heartbeat=heartbeat,
        fence=fence,
        elector=elector,
        reconciler=Reconciler(
            client=client,
            cache=cache,
            reports=reports,
            poster=Poster(client, clock, identity),
            clock=clock,
            metrics=metrics,
            decide=decide,
            apis=lambda: frozenset(apis),
        ),
        apis=apis,
    )
