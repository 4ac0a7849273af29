"""What a SentinelModel's server and status come to."""

import pytest

from tests.support.simulated import Broken, SimulatedCluster
from tests.support.simulated.resources import FIRST, MODEL, SECOND, build_model

SERVER = {"replicas": 2}


@pytest.fixture
def cluster():
    cluster = SimulatedCluster()
    cluster.put(build_model(server=SERVER))
    cluster.settle(6)
    cluster.writes.clear()
    return cluster


def ready(cluster):
    return cluster.condition(*MODEL, "Ready")


def available(cluster):
    return cluster.condition(*MODEL, "Available")


def pods(cluster):
    return {name: pod for name, pod in cluster.pods.items() if "proof" not in name}


def test_the_status_tells_where_and_what_is_served(cluster):
    status = cluster.status(*MODEL)
    assert {key: status[key] for key in status if key not in ("conditions", "artifact")} == {
        "phase": "Ready",
        "observedGeneration": 1,
        "served": [{"digest": FIRST, "pods": 2}],
        "url": "http://card-fraud-model.payments.svc:3000",
        "grpcUrl": "dns:///card-fraud-model-pods.payments.svc:3001",
        "replicas": 2,
        "selector": "sentinel.dev/kind=SentinelModel,sentinel.dev/resource=card-fraud,"
        "sentinel.dev/role=server",
    }


def test_the_artifact_is_told_with_its_number_and_time(cluster):
    assert {
        "digest": FIRST,
        "revision": 1,
        "since": "2023-11-14T22:13:21Z",
        "uri": f"s3://models/{FIRST[-6:]}.tar",
        "store": "model-store",
    } == cluster.status(*MODEL)["artifact"]


def test_the_deployment_is_scaled_by_its_subresource(cluster):
    cluster.put(build_model(server={"replicas": 3}))
    cluster.settle(4)
    assert [write for write in cluster.writes if write[1] == "Deployment"] == [
        ("scale", "Deployment", "card-fraud-model")
    ]
    assert ready(cluster) == ("True", "Served")


def test_an_autoscaled_deployment_is_never_scaled(cluster):
    scaling = {"minReplicas": 1, "maxReplicas": 4}
    cluster.put(build_model(server={"autoscaling": scaling}))
    cluster.settle(4)
    assert [write for write in cluster.writes if write[0] == "scale"] == []
    assert ("HorizontalPodAutoscaler", "card-fraud-model") in cluster.objects


def test_a_pod_that_load_asked_for_and_that_starts_leaves_the_model_ready(cluster):
    cluster.put(build_model(server={"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}))
    cluster.settle(4)
    cluster.objects["Deployment", "card-fraud-model"]["spec"]["replicas"] = 4
    seen = set()
    for _ in range(6):
        cluster.pass_by()
        seen.add(ready(cluster))
    assert {("True", "Served")} == seen
    assert len(pods(cluster)) == 4


def test_a_pod_that_load_asked_for_and_that_no_node_takes_leaves_the_model_ready(cluster):
    cluster.put(build_model(server={"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}))
    cluster.settle(4)
    cluster.objects["Deployment", "card-fraud-model"]["spec"]["replicas"] = 3
    cluster.step()
    (new,) = [pod for pod in pods(cluster).values() if not pod.thing["status"].get("conditions")]
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "full"}
    new.thing["status"]["conditions"] = [full]
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("True", "Served")
    (server,) = [c for c in cluster.status(*MODEL)["conditions"] if c["type"] == "ServerReady"]
    name = new.thing["metadata"]["name"]
    assert server["message"] == f"Ready pods: 2. Not yet: Pod {name}: full"


def test_a_deployment_of_somebody_else_is_not_scaled(cluster):
    deployment = cluster.objects["Deployment", "card-fraud-model"]
    deployment["metadata"]["ownerReferences"] = []
    deployment["spec"]["replicas"] = 4
    cluster.settle(4)
    assert deployment["spec"]["replicas"] == 4
    assert ready(cluster) == ("False", "NameTaken")


def test_an_autoscaler_goes_when_it_is_no_longer_declared(cluster):
    cluster.put(build_model(server={"autoscaling": {"maxReplicas": 4}}))
    cluster.settle(4)
    cluster.put(build_model(server=SERVER))
    cluster.settle(4)
    assert ("HorizontalPodAutoscaler", "card-fraud-model") not in cluster.objects
    assert len(pods(cluster)) == 2


def test_a_network_policy_goes_when_it_is_switched_off(cluster):
    cluster.put(build_model(server={**SERVER, "networkPolicy": {"enabled": False}}))
    cluster.settle(2)
    assert ("NetworkPolicy", "card-fraud-model") not in cluster.objects


def test_a_model_is_not_ready_in_the_round_that_changes_its_pods(cluster):
    """The Deployment that was seen is still the old one, and all of its pods are ready."""
    cluster.put(build_model(server={**SERVER, "drainSeconds": 30}))
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "Progressing")


def test_one_pod_that_says_something_else_is_enough_not_to_be_ready(cluster):
    next(iter(pods(cluster).values())).server.stable = SECOND
    cluster.reconcile(*MODEL)
    assert [
        ready(cluster),
        available(cluster),
    ] == [("False", "Progressing"), ("True", "PreviousServed")]
    assert [one["pods"] for one in cluster.status(*MODEL)["served"]] == [1, 1]


def test_a_pod_that_lags_behind_is_at_fault_only_when_it_was_told_in_vain(cluster):
    server = next(iter(pods(cluster).values())).server
    server.stable, server.take_up = SECOND, lambda _: None
    told = []
    for _ in range(24):
        cluster.pass_by()
        told.append(ready(cluster)[1])
    assert told == sorted(told, reverse=True)
    assert {"Progressing", "NotConfirmed"} == set(told)


def test_a_change_that_goes_well_warns_of_nothing(cluster):
    notices = []
    cluster.put(build_model(SECOND, server=SERVER))
    for _ in range(40):
        notices += [(one.type, one.reason) for one in cluster.reconcile(*MODEL).notices]
        cluster.step()
    assert notices[-1] == ("Normal", "Served")
    assert {kind for kind, _ in notices} == {"Normal"}


@pytest.mark.parametrize("status", [{"updatedReplicas": 1}, {"readyReplicas": 1}, {"replicas": 3}])
def test_a_rollout_of_pods_that_is_on_its_way_is_waited_for(cluster, status):
    cluster.objects["Deployment", "card-fraud-model"]["status"] |= status
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "Progressing")


def test_a_deployment_that_its_controller_has_not_seen_is_waited_for(cluster):
    cluster.objects["Deployment", "card-fraud-model"]["metadata"]["generation"] += 1
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "Progressing")


def test_pods_of_which_too_few_run_under_an_autoscaler_are_waited_for(cluster):
    cluster.put(build_model(server={"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}))
    cluster.settle(4)
    cluster.objects["Deployment", "card-fraud-model"]["status"]["readyReplicas"] = 1
    cluster.reconcile(*MODEL)
    assert cluster.condition(*MODEL, "ServerReady") == ("False", "PodsPending")


def test_a_pod_that_was_lost_is_waited_for(cluster):
    next(iter(pods(cluster).values())).delete()
    cluster.step()
    cluster.pass_by()
    assert [
        ready(cluster),
        cluster.condition(*MODEL, "ServerReady"),
    ] == [("False", "Progressing"), ("False", "PodsPending")]
    assert available(cluster) == ("True", "Served")


@pytest.mark.parametrize(
    ("how", "reason"),
    [("pull", "ImagePullFailed"), ("crash", "CrashLooping"), ("oom", "OOMKilled")],
)
def test_pods_that_cannot_run_are_told_of(cluster, how, reason):
    cluster.world.images["broken:1"] = how
    cluster.world.verdicts.clear()
    cluster.put(build_model(server={**SERVER, "image": "broken:1"}))
    cluster.settle(3)
    assert ("False", reason) == ready(cluster)


def test_a_pod_that_refuses_a_proven_artifact_is_told_of_and_the_one_before_serves(cluster):
    cluster.world.broken[SECOND] = Broken("StoreDenied")
    cluster.put(build_model(SECOND, server=SERVER))
    cluster.settle(6)
    assert [
        ready(cluster),
        available(cluster),
    ] == [("False", "StoreDenied"), ("True", "PreviousServed")]
    assert cluster.status(*MODEL)["served"] == [{"digest": FIRST, "pods": 2}]


def test_a_ready_pod_that_does_not_answer_is_told_of(cluster):
    name = next(iter(pods(cluster)))
    cluster.mute.add(name)
    cluster.pass_by()
    assert ready(cluster) == ("False", "PodNotAnswering")
    assert available(cluster) == ("True", "Served")


def test_nobody_knows_what_is_served_while_no_pod_answers(cluster):
    cluster.mute |= set(pods(cluster))
    cluster.pass_by()
    assert available(cluster) == ("Unknown", "PodNotAnswering")


def test_a_server_without_an_artifact_waits_for_it(cluster):
    cluster.remove(*MODEL)
    cluster.settle(2)
    cluster.world.verdicts[FIRST] = {"reason": "DigestMismatch"}
    cluster.put(build_model(server=SERVER))
    cluster.settle(4)
    assert [
        cluster.condition(*MODEL, "ServerReady"),
        available(cluster),
    ] == [("False", "WaitingForArtifact"), ("False", "NothingServed")]


def test_a_failure_keeps_its_time_and_goes_when_all_is_well(cluster):
    cluster.world.verdicts[SECOND] = {"reason": "DigestMismatch"}
    cluster.put(build_model(SECOND, server=SERVER))
    cluster.settle(3)
    first = cluster.status(*MODEL)["lastFailure"]["time"]
    cluster.settle(20)
    assert first == cluster.status(*MODEL)["lastFailure"]["time"]
    cluster.put(build_model(server=SERVER))
    cluster.settle(3)
    assert "lastFailure" not in cluster.status(*MODEL)


def test_a_taken_name_is_told_of_and_not_touched(cluster):
    cluster.remove(*MODEL)
    cluster.settle(1)
    cluster.put({"kind": "Service", "metadata": {"name": "card-fraud-model"}, "spec": {"a": 1}})
    cluster.put(build_model(server=SERVER))
    cluster.settle(6)
    assert ready(cluster) == ("False", "NameTaken")
    assert cluster.objects["Service", "card-fraud-model"]["spec"] == {"a": 1}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('pods "x" is forbidden: exceeded quota: small', "QuotaExceeded"),
        ('services is forbidden: User "o" cannot create', "PermissionDenied"),
        ("admission webhook denied the request", "ChildRefused"),
    ],
)
def test_a_child_that_the_api_server_refuses_is_told_of(cluster, words, reason):
    cluster.refuse["Deployment", "card-fraud-model"] = words
    cluster.put(build_model(server={**SERVER, "drainSeconds": 30}))
    cluster.reconcile(*MODEL)
    assert ("False", reason) == ready(cluster)
    assert words in cluster.status(*MODEL)["lastFailure"]["message"]


def test_a_deployment_that_gets_no_pods_says_why(cluster):
    message = 'pods "x" is forbidden: exceeded quota: small'
    failure = {"type": "ReplicaFailure", "status": "True", "message": message}
    lacking = {"readyReplicas": 1, "conditions": [failure]}
    cluster.objects["Deployment", "card-fraud-model"]["status"] |= lacking
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "QuotaExceeded")


def test_a_rollout_of_pods_that_does_not_move_is_told_of(cluster):
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    lacking = {"updatedReplicas": 1, "conditions": [stuck]}
    cluster.objects["Deployment", "card-fraud-model"]["status"] |= lacking
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "ProgressDeadlineExceeded")


def test_a_spec_of_another_version_leaves_everything_and_is_told_of(cluster):
    model = build_model(server={**SERVER, "turbo": True})
    cluster.put(model)
    cluster.reconcile(*MODEL)
    assert [
        ready(cluster),
        available(cluster),
    ] == [("False", "SpecInvalid"), ("True", "PreviousServed")]
    assert cluster.condition(*MODEL, "ServerReady") == ("Unknown", "SpecInvalid")
    assert [("status", *MODEL)] == cluster.writes


def test_a_new_store_is_mounted_beside_the_old_one(cluster):
    moved = build_model(SECOND, server=SERVER)
    moved["spec"]["artifact"]["storeSecretRef"] = {"name": "another-store"}
    cluster.put(moved)
    cluster.settle(8)
    assert mounted(cluster) == ["another-store", "model-store"]
    assert ready(cluster) == ("True", "Served")


def test_a_store_that_is_no_longer_needed_restarts_nothing(cluster):
    moved = build_model(SECOND, server=SERVER)
    moved["spec"]["artifact"]["storeSecretRef"] = {"name": "another-store"}
    cluster.put(moved)
    cluster.settle(8)
    before = set(pods(cluster))
    third = build_model(f"sha256:{'3' * 64}", server=SERVER)
    third["spec"]["artifact"]["storeSecretRef"] = {"name": "another-store"}
    cluster.put(third)
    cluster.settle(8)
    assert before == set(pods(cluster))


def test_a_store_that_is_no_longer_needed_goes_with_another_change(cluster):
    moved = build_model(SECOND, server=SERVER)
    moved["spec"]["artifact"]["storeSecretRef"] = {"name": "another-store"}
    cluster.put(moved)
    cluster.settle(8)
    moved["spec"]["server"] = {**SERVER, "drainSeconds": 30}
    cluster.put(moved)
    cluster.settle(8)
    assert mounted(cluster) == ["another-store"]


def mounted(cluster):
    spec = cluster.objects["Deployment", "card-fraud-model"]["spec"]["template"]["spec"]
    return [one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one]


def test_a_model_that_comes_back_under_its_name_begins_anew(cluster):
    cluster.remove(*MODEL)
    cluster.put(build_model(server=SERVER))
    cluster.settle(6)
    assert [
        ready(cluster),
        cluster.status(*MODEL)["artifact"]["revision"],
    ] == [("True", "Served"), 1]
