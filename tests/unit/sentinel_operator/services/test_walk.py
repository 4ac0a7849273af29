"""A model and its pipeline through their life, step by step, in a simulated cluster."""

import copy

import pytest

from sentinel_core.ids import digest_bytes
from tests.support.simulated import Broken, SimulatedCluster
from tests.support.simulated.laws import pass_by_lawfully, projected, reported
from tests.support.simulated.resources import (
    FIRST,
    MODEL,
    PIPELINE,
    SECOND,
    build_model,
    build_pipeline,
    build_rules,
)


@pytest.fixture(scope="module")
def settled():
    cluster = SimulatedCluster()
    cluster.put(build_model(server={"replicas": 2}), build_rules(), build_pipeline())
    settle(cluster)
    return cluster


@pytest.fixture
def cluster(settled):
    return copy.deepcopy(settled)


def settle(cluster, seconds=10):
    for _ in range(int(seconds * 2)):
        pass_by_lawfully(cluster)


def ready(cluster, resource):
    return cluster.condition(*resource, "Ready")


def available(cluster, resource):
    return cluster.condition(*resource, "Available")


def release_of(cluster):
    return cluster.status(*PIPELINE)["stable"]


def test_a_model_and_its_pipeline_become_ready(cluster):
    assert [ready(cluster, MODEL), ready(cluster, PIPELINE)] == [("True", "Served")] * 2


def test_changed_rules_take_over_without_a_restart(cluster):
    pods, before = set(cluster.pods), release_of(cluster)
    cluster.put(build_rules(points=20))
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("True", "Served")
    assert before["revision"] + 1 == release_of(cluster)["revision"]
    assert pods == set(cluster.pods)


def test_changed_rules_are_served_by_every_pod(cluster):
    cluster.put(build_rules(points=20))
    settle(cluster)
    served = set(reported(cluster, *PIPELINE).values())
    assert {release_of(cluster)["digest"]} == served


def test_a_pipeline_is_not_ready_while_pods_load_a_release(cluster):
    cluster.put(build_rules(points=20))
    pass_by_lawfully(cluster)
    assert ready(cluster, PIPELINE) == ("False", "Progressing")
    assert available(cluster, PIPELINE) == ("True", "PreviousServed")


def test_a_bad_artifact_leaves_the_one_before_it_serving(cluster):
    before = release_of(cluster)
    cluster.world.verdicts[SECOND] = {"reason": "DigestMismatch"}
    cluster.put(build_model(SECOND, server={"replicas": 2}))
    settle(cluster)
    assert ready(cluster, MODEL) == ("False", "DigestMismatch")
    assert available(cluster, MODEL) == ("True", "PreviousServed")
    assert cluster.status(*MODEL)["artifact"]["digest"] == FIRST
    assert [before, ("True", "Served")] == [release_of(cluster), ready(cluster, PIPELINE)]


@pytest.mark.parametrize(
    "wrong", [{"uri": "s3://wrong/place.tar"}, {"storeSecretRef": {"name": "wrong-store"}}]
)
def test_a_place_that_the_proof_refuses_reaches_no_pod(cluster, wrong):
    before = release_of(cluster)
    model = build_model(server={"replicas": 2})
    model["spec"]["artifact"] |= wrong
    cluster.world.verdicts[FIRST] = {"reason": "ArtifactMissing"}
    cluster.put(model)
    settle(cluster)
    assert ready(cluster, MODEL) == ("False", "ArtifactMissing")
    assert [before, ("True", "Served")] == [release_of(cluster), ready(cluster, PIPELINE)]


def test_a_mended_artifact_takes_over_in_model_and_pipeline(cluster):
    third = digest_bytes(b"third")
    cluster.world.verdicts[SECOND] = {"reason": "DigestMismatch"}
    cluster.put(build_model(SECOND, server={"replicas": 2}))
    settle(cluster)
    cluster.put(build_model(third, server={"replicas": 2}))
    settle(cluster)
    assert [ready(cluster, MODEL), ready(cluster, PIPELINE)] == [("True", "Served")] * 2
    assert [{"name": "fraud", "digest": third}] == cluster.status(*PIPELINE)["models"]
    assert "lastFailure" not in cluster.status(*MODEL)


def test_a_release_that_a_pod_refuses_is_withdrawn(cluster):
    before = release_of(cluster)
    cluster.put(build_rules(points=20))
    cluster.reconcile(*PIPELINE)
    refused = projected(cluster, "card-payments", "candidate.json")
    cluster.world.broken[refused] = Broken("FeatureSpecMismatch")
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("False", "FeatureSpecMismatch")
    assert available(cluster, PIPELINE) == ("True", "PreviousServed")
    assert [before, None] == [
        release_of(cluster),
        projected(cluster, "card-payments", "candidate.json"),
    ]


def test_what_follows_a_refused_release_takes_over(cluster):
    cluster.put(build_rules(points=20))
    cluster.reconcile(*PIPELINE)
    refused = projected(cluster, "card-payments", "candidate.json")
    cluster.world.broken[refused] = Broken("FeatureSpecMismatch")
    settle(cluster)
    cluster.put(build_rules(points=30))
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("True", "Served")
    assert "lastFailure" not in cluster.status(*PIPELINE)


def test_a_refused_release_is_offered_to_a_new_pod(cluster):
    cluster.put(build_rules(points=20))
    cluster.reconcile(*PIPELINE)
    refused = projected(cluster, "card-payments", "candidate.json")
    cluster.world.broken[refused] = Broken("EventTypeChanged")
    settle(cluster)
    del cluster.world.broken[refused]
    (pod,) = [pod for pod in cluster.pods.values() if pod.name.startswith("card-payments")]
    pod.delete()
    settle(cluster)
    assert [("True", "Served"), refused] == [
        ready(cluster, PIPELINE),
        release_of(cluster)["digest"],
    ]


def kill(pod, cluster, code=137):
    """Let a pod's container be killed; the kubelet starts it again in its time."""
    ended = {"reason": "OOMKilled", "exitCode": code, "finishedAt": cluster.time}
    pod.say(conditions=[], containerStatuses=[{"ready": False, "lastState": {"terminated": ended}}])
    pod.server = None


def offer_what_kills(cluster, *, seconds, code=137):
    """Change the rules, and let the pod be killed so long after it was given the candidate."""
    cluster.put(build_rules(points=20))
    cluster.reconcile(*PIPELINE)
    offered = projected(cluster, "card-payments", "candidate.json")
    (pod,) = [pod for pod in cluster.pods.values() if pod.name.startswith("card-payments")]
    cluster.now += seconds
    kill(pod, cluster, code)
    cluster.reconcile(*PIPELINE)
    return offered, pod


def test_a_release_that_kills_its_pod_is_withdrawn(cluster):
    before = release_of(cluster)
    offer_what_kills(cluster, seconds=2)
    assert projected(cluster, "card-payments", "candidate.json") is None
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("False", "OOMKilled")
    assert available(cluster, PIPELINE) == ("True", "PreviousServed")
    assert before == release_of(cluster)


def test_a_release_that_killed_its_pod_is_offered_to_a_new_one(cluster):
    offered, pod = offer_what_kills(cluster, seconds=2)
    settle(cluster)
    pod.delete()
    settle(cluster)
    assert [("True", "Served"), offered] == [
        ready(cluster, PIPELINE),
        release_of(cluster)["digest"],
    ]


@pytest.mark.parametrize(("seconds", "code"), [(0, 137), (2, 0)])
def test_a_pod_that_ended_before_or_in_order_refuses_nothing(cluster, seconds, code):
    offered, _ = offer_what_kills(cluster, seconds=seconds, code=code)
    assert offered == projected(cluster, "card-payments", "candidate.json")


def test_rules_that_are_wrong_leave_the_release_serving(cluster):
    before = release_of(cluster)
    cluster.put({**build_rules(), "data": {"rules.yaml": "- id: broken"}})
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("False", "InvalidDocument")
    assert available(cluster, PIPELINE) == ("True", "PreviousServed")
    assert before == release_of(cluster)


def test_a_first_release_that_is_refused_can_be_mended(cluster):
    cluster.remove(*PIPELINE)
    cluster.settle(2)
    cluster.world.broken[FIRST] = Broken("ArtifactMissing")
    cluster.put(build_pipeline())
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("False", "ArtifactMissing")
    cluster.put(build_model(SECOND, server={"replicas": 2}))
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("True", "Served")


def test_a_release_that_no_pod_can_load_again_makes_way(cluster):
    """Its artifact has left the store, and the pod that had it has been replaced."""
    cluster.world.broken[FIRST] = Broken("ArtifactMissing")
    for pod in cluster.pods.values():
        pod.delete()
    settle(cluster)
    assert available(cluster, PIPELINE) == ("False", "NothingServed")
    cluster.put(build_model(SECOND, server={"replicas": 2}))
    settle(cluster)
    assert [ready(cluster, MODEL), ready(cluster, PIPELINE)] == [("True", "Served")] * 2


def test_a_release_makes_no_way_to_another_while_its_pod_is_only_away(cluster):
    before = release_of(cluster)
    for pod in cluster.pods.values():
        pod.delete()
    cluster.put(build_rules(points=20))
    pass_by_lawfully(cluster)
    assert before == release_of(cluster)


def test_a_server_that_is_lost_is_made_again(cluster):
    cluster.remove("Deployment", "card-payments-decision")
    settle(cluster)
    assert ready(cluster, PIPELINE) == ("True", "Served")


def test_a_settled_cluster_is_written_to_no_more(cluster):
    cluster.writes.clear()
    settle(cluster, seconds=120)
    assert cluster.writes == []


def test_a_remote_model_keeps_what_a_release_names_until_another_took_over(cluster):
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    cluster.put(pipeline)
    settle(cluster)
    cluster.put(build_model(SECOND, server={"replicas": 2}))
    seen = []
    for _ in range(40):
        pass_by_lawfully(cluster)
        (called,) = [one["digest"] for one in cluster.status(*PIPELINE)["models"]]
        pods = [pod for pod in cluster.pods.values() if pod.name.startswith("card-fraud-model")]
        seen.append(all(called in pod.server.loaded for pod in pods))
    assert seen == [True] * 40
    assert cluster.status(*PIPELINE)["models"] == [{"name": "fraud", "digest": SECOND}]
    assert ready(cluster, PIPELINE) == ("True", "Served")


def test_another_image_rolls_the_servers_and_ends_ready(cluster):
    pods = set(cluster.pods)
    cluster.put(build_model(server={"replicas": 2, "image": "other:1"}))
    pass_by_lawfully(cluster)
    assert ready(cluster, MODEL) == ("False", "Progressing")
    settle(cluster)
    assert ready(cluster, MODEL) == ("True", "Served")
    assert not {name for name in pods if "card-fraud-model" in name} & set(cluster.pods)


def test_an_image_that_cannot_be_had_leaves_the_old_pods_serving(cluster):
    cluster.world.images["nowhere:1"] = "pull"
    cluster.put(build_model(server={"replicas": 2, "image": "nowhere:1"}))
    settle(cluster)
    assert ready(cluster, MODEL) == ("False", "ImagePullFailed")
    assert available(cluster, MODEL) == ("True", "Served")
