"""When a new process would do better, and what is counted when somebody asks."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import get_args

import pytest

from sentinel_core.clock import FixedClock
from sentinel_core.resources.status import Phase
from sentinel_operator.config import Settings
from sentinel_operator.factory import build_operator
from sentinel_operator.health import count_resources, why_unhealthy
from sentinel_operator.kube.connect import Cluster
from sentinel_operator.queue import Again, KeyedQueue

CALLS = 20
"""That a round may make one after the other."""


def with_operator(look):
    """Return what comes of looking at an operator of which nothing is connected."""

    async def main():
        cluster = Cluster("http://127.0.0.1:1", ssl.create_default_context())
        operator = build_operator(Settings(), cluster, {})
        try:
            return await look(operator)
        finally:
            await operator.connections.close()

    return asyncio.run(main())


def health_after(seconds):
    """Return what is said of a round that has lasted so long."""

    async def look(operator):
        clock = FixedClock(0)
        queue = KeyedQueue(clock)
        begun = asyncio.Event()

        async def handle(_):
            begun.set()
            await asyncio.Event().wait()
            return Again("settled")

        queue.add("a")
        working = asyncio.create_task(queue.work(handle, 1))
        await begun.wait()
        clock.put(round(seconds * 1e6))
        said = why_unhealthy(replace(operator, queue=queue))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return said

    return with_operator(look)


def test_a_round_whose_calls_are_all_answered_late_is_not_stuck():
    assert health_after(CALLS * Settings().api_call_seconds) is None


def test_a_round_that_lasts_longer_than_its_calls_can_is_stuck():
    assert health_after(301) == "a round has lasted 301 s"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *(({"phase": phase}, phase) for phase in get_args(Phase)),
        ({}, "Pending"),
        ({"phase": "Marvellous"}, "Unknown"),
    ],
)
def test_resources_are_counted_by_their_phase(status, expected):
    metadata = {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"}

    async def look(operator):
        operator.cache.put({"kind": "SentinelPipeline", "metadata": metadata, "status": status})
        count_resources(operator)
        return {
            (sample.labels["kind"], sample.labels["phase"]): sample.value
            for sample in operator.metrics.resources.collect()[0].samples
        }

    assert with_operator(look) == {("SentinelPipeline", expected): 1.0}
