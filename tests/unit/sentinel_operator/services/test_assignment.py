"""A model's server keeps what the releases of its namespace call by digest."""

import copy

import pytest

from sentinel_operator.services import assignment
from tests.support.simulated import Broken, SimulatedCluster
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
    """A cluster whose pipeline calls the model; the pipeline itself stands still."""
    cluster = SimulatedCluster()
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    cluster.put(build_model(server=SERVER), build_rules(), pipeline)
    cluster.settle(8)
    cluster.put({**pipeline, "spec": {**pipeline["spec"], "suspend": True}})
    return cluster


def the_revision(cluster):
    (found,) = [one for (kind, _), one in cluster.objects.items() if kind == "ControllerRevision"]
    return found


def told(cluster):
    return cluster.objects["ConfigMap", "card-fraud-model"]["data"]["artifacts.json"]


def propose_second(cluster):
    cluster.put(build_model(SECOND, server=SERVER))
    cluster.settle(6)


@pytest.mark.parametrize("role", ["stable", "candidate"])
def test_what_a_release_in_use_calls_is_kept(cluster, role):
    the_revision(cluster)["metadata"]["labels"]["sentinel.dev/role"] = role
    propose_second(cluster)
    assert FIRST in told(cluster)


def test_what_a_past_release_called_is_kept_while_pods_still_decide_with_it(cluster):
    the_revision(cluster)["metadata"]["labels"]["sentinel.dev/role"] = "history"
    propose_second(cluster)
    before = FIRST in told(cluster)
    cluster.remove("Deployment", "card-payments-decision")
    cluster.settle(2)
    assert [before, FIRST in told(cluster)] == [True, False]


def test_what_a_deleted_pipeline_called_is_not_kept(cluster):
    """Its revisions go with it, but not at the same moment."""
    the_revision(cluster)["metadata"]["ownerReferences"][0]["uid"] = "of-an-earlier-one"
    propose_second(cluster)
    assert FIRST not in told(cluster)


def test_the_default_artifact_is_not_told_twice(cluster):
    assert told(cluster).count(FIRST) == 1


def test_a_called_artifact_that_a_pod_cannot_load_is_told_of(cluster):
    propose_second(cluster)
    cluster.world.broken[FIRST] = Broken("ArtifactMissing")
    for pod in cluster.pods.values():
        pod.delete()
    cluster.settle(6)
    assert cluster.condition(*MODEL, "Ready") == ("False", "ArtifactNotLoaded")
    assert cluster.condition(*MODEL, "Available") == ("True", "Served")


def test_what_is_called_beyond_what_a_server_takes_is_told_of_and_the_default_is_served(
    cluster, monkeypatch
):
    monkeypatch.setattr(assignment, "MAX_OTHER_ARTIFACTS", 0)
    propose_second(cluster)
    assert cluster.condition(*MODEL, "Ready") == ("False", "ArtifactNotLoaded")
    assert cluster.condition(*MODEL, "Available") == ("True", "Served")
    failure = cluster.objects[MODEL]["status"]["lastFailure"]
    assert f"1 are left out, the first is {FIRST}" in failure["message"]


def test_a_pod_that_has_not_loaded_what_is_called_is_touched(cluster):
    propose_second(cluster)
    (pod,) = [
        pod for pod in cluster.pods.values() if pod.server is not None and "model" in pod.name
    ]
    pod.server.loaded = {SECOND}
    plan = cluster.reconcile(*MODEL)
    assert [(pod.name,), True] == [tuple(one.pod for one in plan.touch), plan.ask_pods]


def write_otherwise(cluster):
    """Let the revision be of another version of the operator; return it."""
    revision = {**copy.deepcopy(the_revision(cluster)), "data": {"release": "{}"}}
    cluster.objects["ControllerRevision", revision["metadata"]["name"]] = revision
    return revision


def test_a_past_release_that_cannot_be_read_keeps_no_server_from_its_artifact(cluster):
    pipeline = {**cluster.objects[PIPELINE], "status": {}}
    cluster.objects[PIPELINE] = pipeline
    write_otherwise(cluster)["metadata"]["labels"]["sentinel.dev/role"] = "history"
    cluster.put(build_model(SECOND, server=SERVER))
    for _ in range(8):
        cluster.reconcile(*MODEL)
        cluster.step()
    assert cluster.condition(*MODEL, "Ready") == ("True", "Served")


def test_a_past_release_that_pods_decide_with_must_be_readable(cluster):
    write_otherwise(cluster)["metadata"]["labels"]["sentinel.dev/role"] = "history"
    cluster.reconcile(*MODEL)
    assert cluster.condition(*MODEL, "Ready") == ("False", "ReleaseUnreadable")


def test_a_model_without_a_server_asks_for_no_release(cluster):
    write_otherwise(cluster)
    cluster.put(build_model(SECOND))
    cluster.settle(4)
    assert cluster.condition(*MODEL, "Ready") == ("True", "Served")


def test_a_release_that_cannot_be_read_leaves_the_server_as_it_is(cluster):
    write_otherwise(cluster)
    before = told(cluster)
    cluster.put(build_model(SECOND, server=SERVER))
    cluster.settle(4)
    assert [("False", "ReleaseUnreadable"), before] == [
        cluster.condition(*MODEL, "Ready"),
        told(cluster),
    ]
