"""Finding what no watch told of.

A watch that was interrupted for too long begins anew with a list, and nothing then tells of objects
that went in between (kopf lists, and keeps what it knew). So from time to time the metadata of
everything that is watched is listed and compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.client import METADATA_LIST, KubeClient
from sentinel_operator.kube.errors import KubeError
from sentinel_operator.kube.kinds import Kind, ObjectKey
from sentinel_operator.metrics import OperatorMetrics

PAGE = "500"
"""Objects in one answer, as kubectl asks for; some 2 MiB of metadata."""
GRACE_SECONDS = 5.0
"""For a watch to tell of what a list showed before it: a busy API server may lag a second or two."""
FILL_SECONDS = 0.5
"""Between two looks at whether the first lists have arrived."""
FAILED_SECONDS = 2.0
"""After a look that failed; longer where the API server asks for that."""

logger = logging.getLogger(__name__)


async def recheck(
    client: KubeClient,
    cache: Cache,
    kinds: Collection[Kind],
    namespaces: Collection[str | None],
    metrics: OperatorMetrics,
) -> None:
    """Compare the cache with the cluster once, and take in what was missed.

    Parameters
    ----------
    namespaces : those that are watched; ``[None]`` means all
    """
    for kind in kinds:
        for namespace in namespaces:
            missed = await _missed(client, cache, kind, namespace)
            if missed:
                await asyncio.sleep(GRACE_SECONDS)
                # What is still different, and of which nothing was told meanwhile, was not just late.
                again = await _missed(client, cache, kind, namespace)
                still = {
                    key for key in again if key in missed and _is_under(cache, key, missed[key])
                }
                await _take_in(client, cache, kind, still, metrics)


async def wait_until_filled(
    client: KubeClient, cache: Cache, kinds: Collection[Kind], namespaces: Collection[str | None]
) -> None:
    """Wait until the cache holds everything that a list made now shows.

    Before, a round would see half of what there is, and make again what it does not see. A list that
    fails is asked for again, however often: there is nothing else to do until it is there.
    """
    for kind in kinds:
        for namespace in namespaces:
            await _wait_for(client, cache, kind, namespace)


async def _wait_for(client: KubeClient, cache: Cache, kind: Kind, namespace: str | None) -> None:
    while True:
        wait_seconds = FILL_SECONDS
        try:
            if not await _missed(client, cache, kind, namespace):
                return
        except KubeError as error:
            logger.warning("the first list of %s cannot be had yet: %s", kind.plural, error)
            wait_seconds = max(FAILED_SECONDS, error.retry_after_seconds or 0.0)
        await asyncio.sleep(wait_seconds)


async def _missed(
    client: KubeClient, cache: Cache, kind: Kind, namespace: str | None
) -> dict[ObjectKey, int]:
    """Return what the cache holds otherwise than a list, and the least version it should know."""
    # Before the list, so that an object of which a watch tells meanwhile is not taken for a ghost.
    known = cache.all_of(kind.name, namespace)
    listed = await _list(client, kind, namespace)
    ghosts = {key: entry.version + 1 for key, entry in known.items() if key not in listed}
    lagging = {key: version for key, version in listed.items() if _is_under(cache, key, version)}
    return ghosts | lagging


def _is_under(cache: Cache, key: ObjectKey, version: int) -> bool:
    entry = cache.get(key)
    return entry is None or entry.version < version


async def _list(client: KubeClient, kind: Kind, namespace: str | None) -> dict[ObjectKey, int]:
    parameters = {"labelSelector": kind.selector, "limit": PAGE}
    listed: dict[ObjectKey, int] = {}
    while True:
        page = await client.get(kind.path(namespace), parameters, accept=METADATA_LIST)
        for item in page["items"] or ():
            metadata = item["metadata"]
            key = ObjectKey(kind.name, metadata["namespace"], metadata["name"])
            listed[key] = int(metadata["resourceVersion"])
        following = page["metadata"].get("continue")
        if not following:
            return listed
        parameters = {**parameters, "continue": following}


async def _take_in(
    client: KubeClient,
    cache: Cache,
    kind: Kind,
    missed: Collection[ObjectKey],
    metrics: OperatorMetrics,
) -> None:
    for key in sorted(missed):
        logger.warning("no watch told of %s %s/%s", *key)
        metrics.lost_events.labels(kind.name).inc()
        now: Mapping[str, Any] | None = await client.find(kind.path(key.namespace, key.name))
        known = cache.get(key)
        if now is not None:
            cache.put(now)
        elif known is not None:
            cache.forget(key, known.uid)


async def find_apis(client: KubeClient, kinds: Collection[Kind]) -> frozenset[str]:
    """Return which of the kinds the cluster has, as `Kind.api` names them."""
    found = set()
    for root in sorted({kind.root for kind in kinds}):
        answer = await client.find(root)
        names = {resource["name"] for resource in (answer or {}).get("resources", ())}
        found |= {kind.api for kind in kinds if kind.root == root and kind.plural in names}
    return frozenset(found)
