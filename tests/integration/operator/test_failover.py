"""Of two replicas one works: the other goes on when it dies, and none writes after it was deposed."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

import pytest

from tests.support.operator_place import model
from tests.support.operator_process import eventually

FAILOVER_SECONDS = 15.0
NAMES = [f"m{number}" for number in range(40)]


@pytest.fixture
def pair(place):
    """A leader and a standby, each known to the API server by a user of its own."""
    with ExitStack() as running:
        replicas = []
        for user in ("operator-a", "operator-b"):
            kubeconfig = place.api.as_user(user, ["system:masters"])
            replicas.append(running.enter_context(place.operator(kubeconfig)))
            eventually(replicas[0].is_leading, "the first one works")
        yield replicas


def written_by(place, user, since):
    """What a user wrote in the namespace, the Lease left out."""
    writes = place.api.audit.writes(since)
    return [w for w in writes if (w.user, w.namespace) == (user, place.namespace)]


def test_only_the_leader_writes(place, pair):
    since = place.api.audit.mark()
    place.apply(model("a", place.namespace))
    eventually(lambda: place.text("a") == "1", "the child is there")
    assert written_by(place, "operator-b", since) == []


def test_the_standby_acts_within_15_s_of_the_leaders_death(place, pair):
    leader, _ = pair
    place.apply(model("a", place.namespace))
    eventually(lambda: place.text("a") == "1", "the child is there")
    leader.send(signal.SIGKILL)
    killed = time.monotonic()
    place.apply(model("a", place.namespace, text="2"))
    eventually(lambda: place.text("a") == "2", "the standby acts", within_seconds=FAILOVER_SECONDS)
    assert time.monotonic() - killed < FAILOVER_SECONDS


def test_a_leader_that_is_asked_to_end_gives_the_lease_back(place, pair):
    leader, standby = pair
    leader.send(signal.SIGTERM)
    # Well under the nine seconds that a Lease lasts which nobody gives back.
    eventually(standby.is_leading, "the standby works", within_seconds=5)
    assert leader.wait() == 0


def test_a_frozen_leader_writes_nothing_once_another_works(place, pair):
    leader, standby = pair
    place.apply(*(model(name, place.namespace) for name in NAMES))
    # In the middle of its work: some children are there, most are not.
    eventually(lambda: len(place.list("configmap")) > 2, "it has begun")
    leader.send(signal.SIGSTOP)
    eventually(standby.is_leading, "the standby works", within_seconds=FAILOVER_SECONDS)
    since = place.api.audit.mark()
    place.apply(*(model(name, place.namespace, text="2") for name in NAMES))
    eventually(lambda: place.text(NAMES[-1]) == "2", "the standby acts")
    leader.send(signal.SIGCONT)
    assert leader.wait() == 1
    assert written_by(place, "operator-a", since) == []


def test_a_frozen_leader_ends_when_it_goes_on(place, pair):
    leader, standby = pair
    leader.send(signal.SIGSTOP)
    eventually(standby.is_leading, "the standby works", within_seconds=FAILOVER_SECONDS)
    leader.send(signal.SIGCONT)
    assert leader.wait() == 1
    assert "The Lease is lost" in leader.log.read_text()


def test_a_replica_that_another_deposed_ends(place, pair):
    leader, _ = pair
    taken = '{"spec": {"holderIdentity": "somebody"}}'
    place.kubectl("patch", "lease", "sentinel-operator", "--type=merge", "--patch", taken)
    assert leader.wait() == 1
    assert "somebody holds it now" in leader.log.read_text()
