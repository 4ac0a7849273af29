"""Sessions that the API server does not know are opened anew ever more slowly."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from prometheus_client import CollectorRegistry

from sentinel_operator.handlers.objects import LAST_WAIT_SECONDS, Logins
from sentinel_operator.kube.connect import Cluster, Connections
from sentinel_operator.metrics import OperatorMetrics
from tests.support.virtual_time import LoopClock, run_hurrying


def waits(lives_seconds):
    """Return the waits before each session that follows one which lived so long."""

    async def main():
        loop = asyncio.get_running_loop()
        cluster = Cluster("http://127.0.0.1:1", ssl.create_default_context())
        connections = Connections(cluster, OperatorMetrics(CollectorRegistry()), watches=1, calls=1)
        logins = Logins(connections, LoopClock())
        assert (await logins.log_in()).aiohttp_session is connections.watch
        found = []
        for lived_seconds in lives_seconds:
            await asyncio.sleep(lived_seconds)
            # As kopf does with what was answered with 401.
            await connections.watch.close()
            ended = loop.time()
            session = (await logins.log_in()).aiohttp_session
            assert not session.closed
            found.append(loop.time() - ended)
        await connections.close()
        return found

    return run_hurrying(main())


def test_each_session_that_is_refused_at_once_is_waited_for_twice_as_long():
    expected = [1.0, 2.0, 4.0, 8.0, 16.0, LAST_WAIT_SECONDS, LAST_WAIT_SECONDS]
    assert waits([0.01] * 7) == pytest.approx(expected)


def test_after_a_session_that_lasted_the_first_wait_is_short_again():
    assert waits([0.01, 0.01, 0.01, 3600.0, 0.01]) == pytest.approx([1.0, 2.0, 4.0, 1.0, 2.0])
