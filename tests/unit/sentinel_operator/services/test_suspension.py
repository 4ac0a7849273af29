"""A suspended resource is left as it is, and what is seen of it is told."""

import pytest

from tests.support.simulated import SimulatedCluster
from tests.support.simulated.resources import (
    FIRST,
    MODEL,
    PIPELINE,
    SECOND,
    build_model,
    build_pipeline,
    build_rules,
)

SERVER = {"replicas": 1}


@pytest.fixture
def cluster():
    cluster = SimulatedCluster()
    cluster.put(build_model(server=SERVER), build_rules(), build_pipeline())
    cluster.settle(6)
    cluster.put(build_model(server=SERVER, suspend=True), build_pipeline(suspend=True))
    cluster.settle(1)
    cluster.writes.clear()
    return cluster


@pytest.mark.parametrize("resource", [MODEL, PIPELINE])
def test_it_says_so(cluster, resource):
    assert cluster.status(*resource)["phase"] == "Suspended"
    assert cluster.condition(*resource, "Ready") == ("False", "Suspended")


@pytest.mark.parametrize("resource", [MODEL, PIPELINE])
def test_what_serves_goes_on_serving(cluster, resource):
    assert cluster.condition(*resource, "Available") == ("True", "Served")


def test_nothing_new_is_proven_or_taken_up(cluster):
    cluster.put(build_model(SECOND, server=SERVER, suspend=True), build_rules(20))
    cluster.settle(4)
    assert {("status", *MODEL), ("status", *PIPELINE)} >= set(cluster.writes)
    assert cluster.status(*MODEL)["artifact"]["digest"] == FIRST
    assert "candidate" not in cluster.status(*PIPELINE)


def test_nothing_that_was_changed_is_put_back(cluster):
    cluster.remove("Service", "card-fraud-model")
    cluster.settle(2)
    assert ("Service", "card-fraud-model") not in cluster.objects


def test_pods_that_are_lost_are_told_of(cluster):
    cluster.remove("Deployment", "card-fraud-model")
    cluster.settle(2)
    assert [cluster.condition(*MODEL, one) for one in ("Available", "ServerReady")] == [
        ("False", "NothingServed"),
        ("False", "PodsPending"),
    ]


def test_a_settled_suspension_is_written_to_no_more(cluster):
    cluster.settle(20)
    assert cluster.writes == []


def test_what_waited_goes_on_afterwards(cluster):
    cluster.put(build_model(SECOND, server=SERVER, suspend=True), build_rules(20))
    cluster.settle(2)
    cluster.put(build_model(SECOND, server=SERVER), build_pipeline())
    cluster.settle(8)
    assert [cluster.condition(*one, "Ready") for one in (MODEL, PIPELINE)] == [
        ("True", "Served")
    ] * 2


def test_a_pipeline_goes_on_with_what_a_suspended_model_has(cluster):
    cluster.put(build_pipeline(), build_rules(20))
    cluster.settle(4)
    assert cluster.condition(*PIPELINE, "Ready") == ("True", "Served")


def test_a_resource_that_begins_suspended_has_no_children():
    cluster = SimulatedCluster()
    cluster.put(build_model(server=SERVER, suspend=True))
    cluster.settle(2)
    assert list(cluster.objects) == [MODEL]
    assert cluster.condition(*MODEL, "Ready") == ("False", "Suspended")
