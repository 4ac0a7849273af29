"""Nothing is written while nothing changes; the API server's audit log says so."""

from __future__ import annotations

import time

import pytest

from tests.support.operator_place import model
from tests.support.operator_process import eventually

RESOURCES = 20
IDLE_SECONDS = 60
NAMES = [f"m{number}" for number in range(RESOURCES)]


def make_all(place):
    place.apply(*(model(name, place.namespace, replicas=2) for name in NAMES))
    eventually(lambda: generations(place) == [1] * RESOURCES, "all are made")
    # A status is written before the round that finds that nothing is left to do.
    eventually(lambda: writes_nothing_for(place, 2), "nothing more is written")


def generations(place):
    items = place.api.kubectl.get("smodel", "--namespace", place.namespace)["items"]
    return [item.get("status", {}).get("observedGeneration") for item in items]


def writes_nothing_for(place, seconds):
    since = place.api.audit.mark()
    time.sleep(seconds)
    return place.writes(since) == []


@pytest.mark.slow
def test_an_idle_operator_writes_nothing(place):
    with place.operator(resync_seconds="5", recheck_seconds="10") as operator:
        make_all(place)
        since = place.api.audit.mark()
        rounds = 'sentinel_operator_reconcile_seconds_count{kind="SentinelModel",outcome="settled"}'
        before = operator.metric(rounds)
        time.sleep(IDLE_SECONDS)
        # Rounds went on all the while, and whoever wrote would be in the log, kopf included.
        assert operator.metric(rounds) - before >= RESOURCES * (IDLE_SECONDS / 5 - 2)
        written = [w for w in place.api.audit.writes(since) if w.namespace == place.namespace]
    assert written == []


def test_an_operator_that_begins_anew_writes_nothing(place):
    with place.operator():
        make_all(place)
    since = place.api.audit.mark()
    with place.operator() as operator:
        eventually(operator.is_leading, "the new one works")
        rounds = 'sentinel_operator_reconcile_seconds_count{kind="SentinelModel",outcome="settled"}'
        eventually(lambda: operator.metric(rounds) >= RESOURCES, "every resource was looked at")
    assert place.writes(since) == []
