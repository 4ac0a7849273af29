"""The operator with twenty resources and real pods: idle, killed, frozen, replaced, taken away."""

from __future__ import annotations

import os
import time

import pytest

from tests.support import cluster_resources as resources
from tests.support.node_processes import frozen, kill

SERVERS = [("SentinelModel", f"served-{number}") for number in range(5)]
PROVEN = [("SentinelModel", f"proven-{number}") for number in range(14)]
PIPELINE = ("SentinelPipeline", "card-payments")
ALL = [*SERVERS, *PROVEN, PIPELINE]
IDLE_SECONDS = int(os.environ.get("SENTINEL_IDLE_SECONDS", "60"))
"""For which nothing may be written; ten minutes (600) where somebody has the time."""
RESYNC_SECONDS = 10
"""So that every resource is looked at several times while nothing may be written."""
OFTEN = ("--set", f"resyncSeconds={RESYNC_SECONDS}")
FAILOVER_SECONDS = 15
"""Within which a standby acts after the leader's death; promised."""
QUIET_SECONDS = 5
OPERATOR = "sentinel-operator"
"""In the command line of its process."""
SETTLED = 'sentinel_operator_reconcile_seconds_count{{kind="{}",outcome="settled"}}'


@pytest.fixture(scope="module")
def operator(sentinel):
    """The operator, looking at every resource more often than by default."""
    sentinel.upgrade(*OFTEN)
    yield sentinel
    if sentinel.is_installed:
        sentinel.upgrade()


@pytest.fixture(scope="module")
def place(operator, module_place, store, figures):
    """Twenty resources, six of them with servers, and all of them Ready."""
    place, artifact = module_place, store.propose(7)
    place.apply(resources.features(), resources.rules())
    with figures.timed("twenty_resources_to_ready_seconds"):
        for _, name in PROVEN:
            place.apply(resources.model(name, artifact))
        for _, name in SERVERS:
            place.apply(resources.model(name, artifact, server=resources.server()))
        place.apply(resources.pipeline("card-payments", "proven-0"))
        for resource in ALL:
            place.wait_until_ready(*resource)
    return place


@pytest.fixture
def writes_since(cluster):
    """Return what the operator wrote since a mark, but for renewals of its Lease."""

    def writes(since):
        found = cluster.audit.writes(since, user_agent="sentinel-operator/")
        return [write for write in found if write.resource != "leases"]

    return writes


def rounds(operator):
    """Return how many rounds of the leader found nothing to do."""
    metrics = operator.metrics()
    return sum(
        metrics.get(SETTLED.format(kind), 0) for kind in ("SentinelModel", "SentinelPipeline")
    )


def wait_until_all_were_looked_at(operator, place):
    """Wait until the present leader has had a round for every resource that found nothing to do."""
    place.wait_for(lambda: rounds(operator) >= len(ALL), "every resource was looked at")


def test_an_idle_operator_writes_nothing(cluster, operator, place, writes_since, figures):
    def is_quiet():
        since = cluster.audit.mark()
        time.sleep(QUIET_SECONDS)
        return writes_since(since) == []

    place.wait_for(is_quiet, "nothing more is written")
    since, before = cluster.audit.mark(), rounds(operator)
    time.sleep(IDLE_SECONDS)
    assert writes_since(since) == []
    # All the while it went on looking.
    assert rounds(operator) - before >= len(ALL) * (IDLE_SECONDS // RESYNC_SECONDS - 1)
    figures.add("operator_memory_mib", operator.memory_mib())
    figures.add("reconcile_p99_at_20_resources_seconds", operator.reconcile_quantile(0.99))


def delete_and_time_its_return(place, within_seconds):
    """Delete a child, and return after how many seconds another one is there."""
    child = "served-0-model"
    before, began = place.get("Service", child)["metadata"]["uid"], time.monotonic()
    place.kubectl("delete", "service", child, "--wait=false")
    place.wait_for(
        lambda: (
            (place.find("Service", child) or {"metadata": {"uid": before}})["metadata"]["uid"]
            != before
        ),
        "somebody acts",
        within_seconds=within_seconds,
    )
    return time.monotonic() - began


def test_the_standby_acts_within_15_s_of_the_leader_s_death(operator, place, figures):
    leader = operator.place.get("Pod", operator.leader)
    kill(leader, OPERATOR)
    figures.add("failover_seconds", delete_and_time_its_return(place, FAILOVER_SECONDS))
    assert operator.leader != leader["metadata"]["name"]
    operator.wait_until_working()


def test_a_frozen_leader_writes_nothing_once_another_works(cluster, operator, place, writes_since):
    wait_until_all_were_looked_at(operator, place)
    name = operator.leader
    pod = operator.place.get("Pod", name)
    restarts = restarts_of(pod)
    with frozen(pod, OPERATOR):
        place.wait_for(lambda: operator.leader not in ("", name), "the standby works")
        since = cluster.audit.mark()
        delete_and_time_its_return(place, FAILOVER_SECONDS)
    place.wait_for(
        lambda: restarts_of(operator.place.get("Pod", name)) > restarts, "the deposed one ends"
    )
    operator.wait_until_working()
    assert {write.pod for write in writes_since(since)} == {operator.leader}
    assert operator.leader != name


def restarts_of(pod):
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses") or ())


def test_another_image_of_the_operator_restarts_no_server(operator, place):
    wait_until_all_were_looked_at(operator, place)
    lives = place.lives(*SERVERS, PIPELINE)
    operator.upgrade(*OFTEN, "--set", "image.operator.tag=dev")
    assert operator.images == {"sentinel.local/operator:dev"}
    wait_until_all_were_looked_at(operator, place)
    assert place.lives(*SERVERS, PIPELINE) == lives
    assert {place.condition(*resource)[0] for resource in ALL} == {"True"}


def test_another_image_of_the_operator_writes_nothing(cluster, operator, place, writes_since):
    since = cluster.audit.mark()
    operator.upgrade(*OFTEN)
    assert "sentinel.local/operator:dev" not in operator.images
    wait_until_all_were_looked_at(operator, place)
    assert writes_since(since) == []


def test_servers_go_on_without_the_chart_and_with_the_next_one(operator, place):
    lives = place.lives(*SERVERS, PIPELINE)
    operator.uninstall()
    place.kubectl("delete", "service", "served-0-model")
    assert {pod_says(place, pod) for pod in lives} == {"Ready"}
    operator.install()
    place.wait_for(lambda: place.find("Service", "served-0-model"), "what is missing is made again")
    wait_until_all_were_looked_at(operator, place)
    assert place.lives(*SERVERS, PIPELINE) == lives
    assert {place.condition(*resource)[0] for resource in ALL} == {"True"}


def pod_says(place, pod):
    """Return the state in which a pod says that it is."""
    return place.served(pod)["state"]
