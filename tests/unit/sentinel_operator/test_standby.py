"""A standby keeps up with what there is, and asks for no rounds until it leads."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest

from sentinel_operator.config import Settings
from sentinel_operator.factory import build_operator
from sentinel_operator.kube.connect import Cluster
from sentinel_operator.upkeep import resync
from tests.support.virtual_time import run_hurrying


def model(name, version=1, **status):
    metadata = {"name": name, "namespace": "n", "uid": name, "resourceVersion": str(version)}
    return {"kind": "SentinelModel", "metadata": metadata, "status": status}


@asynccontextmanager
async def replica():
    """A replica that stands by; nothing of it is connected."""
    cluster = Cluster("http://127.0.0.1:1", ssl.create_default_context())
    operator = build_operator(Settings(), cluster, {})
    upkeep = asyncio.create_task(resync(operator))
    try:
        yield operator
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        await operator.connections.close()


def depths(*, leading_from):
    """Return the depth of the queue after each of three steps of a minute or two."""

    async def main():
        found = []
        async with replica() as operator:
            for number, name in enumerate("abc"):
                if number == leading_from:
                    operator.elector.leading.set()
                operator.cache.put(model(name))
                await asyncio.sleep(2 * operator.settings.resync_seconds)
                found.append(operator.queue.depth)
        return found

    return run_hurrying(main())


def test_the_queue_of_a_standby_stays_empty():
    assert depths(leading_from=None) == [0, 0, 0]


@pytest.mark.parametrize(("leading_from", "expected"), [(0, [1, 2, 3]), (1, [0, 2, 3])])
def test_whoever_begins_to_lead_looks_at_everything(leading_from, expected):
    assert depths(leading_from=leading_from) == expected


def test_a_change_at_the_moment_of_taking_the_lease_is_not_lost():
    async def main():
        async with replica() as operator:
            await asyncio.sleep(1)
            operator.cache.put(model("a"))
            operator.elector.leading.set()
            operator.cache.put(model("b"))
            await asyncio.sleep(1)
            return operator.queue.depth

    assert run_hurrying(main()) == 2


def test_resources_that_went_before_are_not_looked_at():
    async def main():
        async with replica() as operator:
            operator.cache.put(model("a"))
            operator.cache.delete(model("a"))
            operator.elector.leading.set()
            await asyncio.sleep(1)
            return operator.queue.depth

    assert run_hurrying(main()) == 0
