"""What a SentinelPipeline's server and status come to."""

import json

import pytest

from tests.support.simulated import Broken, SimulatedCluster
from tests.support.simulated.laws import projected
from tests.support.simulated.resources import (
    FIRST,
    MODEL,
    PIPELINE,
    build_input,
    build_model,
    build_pipeline,
    build_rules,
)

NAME = "card-payments"
DEPLOYMENT = ("Deployment", "card-payments-decision")


@pytest.fixture
def cluster():
    cluster = SimulatedCluster()
    cluster.put(build_model(), build_rules(), build_pipeline())
    cluster.settle(6)
    cluster.writes.clear()
    return cluster


@pytest.fixture
def empty():
    return SimulatedCluster()


def ready(cluster):
    return cluster.condition(*PIPELINE, "Ready")


def conditions(cluster, *types):
    return [cluster.condition(*PIPELINE, one) for one in types]


def revisions(cluster):
    """Return number and role of each revision."""
    found = (one for (kind, _), one in cluster.objects.items() if kind == "ControllerRevision")
    return sorted(
        (one["revision"], one["metadata"]["labels"]["sentinel.dev/role"]) for one in found
    )


def refuse_next(cluster, points, broken):
    """Change the rules to some that a pod refuses; return the digest of the release."""
    cluster.put(build_rules(points))
    cluster.reconcile(*PIPELINE)
    digest = projected(cluster, NAME, "candidate.json")
    cluster.world.broken[digest] = broken
    cluster.settle(4)
    return digest


def test_every_condition_is_told(cluster):
    told = {
        one["type"]: (one["status"], one["reason"])
        for one in cluster.status(*PIPELINE)["conditions"]
    }
    assert told == {
        "InputsValid": ("True", "Compiled"),
        "ModelsReady": ("True", "ModelsProven"),
        "ServerReady": ("True", "PodsReady"),
        "Durable": ("False", "EphemeralState"),
        "Available": ("True", "Served"),
        "Ready": ("True", "Served"),
    }


def test_the_models_of_the_stable_release_are_told(cluster):
    assert cluster.status(*PIPELINE)["models"] == [{"name": "fraud", "digest": FIRST}]


def test_nothing_is_made_before_the_first_release(empty):
    empty.put(build_pipeline(), build_model())
    empty.reconcile(*PIPELINE)
    assert [("status", *PIPELINE)] == empty.writes


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ([build_model()], [("False", "InputNotFound"), ("Unknown", "WaitingForInputs")]),
        ([build_rules()], [("Unknown", "WaitingForModels"), ("False", "ModelNotFound")]),
        (
            [build_rules(), build_model()],
            [("Unknown", "WaitingForModels"), ("False", "ModelNotReady")],
        ),
        (
            [build_rules(), build_model(f"sha256:{'0' * 64}")],
            [("Unknown", "WaitingForModels"), ("False", "ModelNotProposed")],
        ),
        (
            [build_model(), build_input("card-rules", {"rules.yaml": "- {id: 1}"})],
            [("False", "InvalidDocument"), ("Unknown", "WaitingForInputs")],
        ),
    ],
)
def test_what_is_missing_is_told(empty, things, told):
    empty.put(build_pipeline(), *things)
    empty.reconcile(*PIPELINE)
    if told[1][1] == "ModelNotProposed":
        empty.reconcile(*MODEL)
    assert told == conditions(empty, "InputsValid", "ModelsReady")
    assert ("False", next(one[1] for one in told if one[0] == "False")) == ready(empty)


def test_an_input_without_its_label_is_told_of_with_the_command(empty):
    rules = build_rules()
    rules["metadata"]["labels"] = {}
    empty.put(build_model(), build_pipeline(), rules)
    empty.settle(3)
    failure = empty.status(*PIPELINE)["lastFailure"]
    assert ready(empty) == ("False", "InputNotLabelled")
    assert "kubectl label configmap card-rules sentinel.dev/input=true" in failure["message"]


def test_faults_are_told_with_their_places(cluster):
    cluster.put(build_input("card-rules", {"rules.yaml": "- id: 7\n"}))
    cluster.reconcile(*PIPELINE)
    assert (
        "ConfigMap/card-rules[rules.yaml]:1:" in cluster.status(*PIPELINE)["lastFailure"]["message"]
    )


def test_a_remote_model_without_a_server_is_told_of(cluster):
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    cluster.put(pipeline)
    cluster.reconcile(*PIPELINE)
    assert conditions(cluster, "Ready", "Available") == [
        ("False", "ModelHasNoServer"),
        ("True", "PreviousServed"),
    ]


def test_a_remote_model_is_waited_for_until_all_of_its_pods_serve(empty):
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    empty.put(build_model(server={"replicas": 1}), build_rules(), pipeline)
    seen = []
    for _ in range(10):
        empty.pass_by()
        seen.append(ready(empty)[1])
    assert list(dict.fromkeys(seen)) == ["ModelNotReady", "Progressing", "Served"]


def test_a_remote_model_whose_pods_cannot_load_it_is_waited_for(empty):
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    empty.world.broken[FIRST] = Broken("StoreDenied")
    empty.put(build_model(server={"replicas": 1}), build_rules(), pipeline)
    empty.settle(5)
    assert ready(empty) == ("False", "ModelNotReady")


def settled_with_a_called_model(empty):
    """Settle a pipeline that calls its model; return the model's pods."""
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    empty.put(build_model(server={"replicas": 1}), build_rules(), pipeline)
    empty.settle(12)
    assert ready(empty) == ("True", "Served")
    return [name for name in empty.pods if name.startswith("card-fraud-model")]


def test_a_called_server_that_is_not_heard_leaves_what_is_served_as_declared(empty):
    empty.mute |= {*settled_with_a_called_model(empty)}
    empty.settle(2)
    assert ready(empty) == ("False", "ModelNotReady")
    assert empty.condition(*PIPELINE, "Available") == ("True", "Served")


def test_a_called_server_that_is_not_heard_takes_no_candidate_back(empty):
    called = settled_with_a_called_model(empty)
    empty.put(build_rules(20))
    empty.reconcile(*PIPELINE)
    candidate = empty.status(*PIPELINE)["candidate"]["digest"]
    empty.mute |= {*called}
    empty.reconcile(*MODEL)
    empty.reconcile(*PIPELINE)
    assert candidate == empty.status(*PIPELINE)["candidate"]["digest"]
    assert ready(empty) == ("False", "ModelNotReady")


def test_the_pod_is_replaced_and_never_doubled(cluster):
    assert cluster.objects[DEPLOYMENT]["spec"]["strategy"]["type"] == "Recreate"


def test_the_store_of_an_inline_model_is_mounted(cluster):
    volumes = cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["volumes"]
    assert {"secretName": "model-store", "optional": True} in [v.get("secret") for v in volumes]


def test_the_keys_of_callers_are_mounted(cluster):
    cluster.put(build_pipeline(auth={"apiKeysSecretRef": {"name": "keys"}}))
    cluster.settle(6)
    volumes = cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["volumes"]
    assert {"secretName": "keys", "optional": True} in [v.get("secret") for v in volumes]
    assert ready(cluster) == ("True", "Served")


@pytest.mark.parametrize("server", [{"replicas": 2}, {"autoscaling": {"maxReplicas": 3}}])
def test_more_than_one_replica_is_refused_and_the_one_goes_on(cluster, server):
    cluster.put(build_pipeline(server=server))
    cluster.settle(2)
    assert conditions(cluster, "Ready", "Available") == [
        ("False", "EphemeralState"),
        ("True", "PreviousServed"),
    ]
    assert cluster.objects[DEPLOYMENT]["status"]["replicas"] == 1


def test_another_fault_of_the_spec_is_no_fault_of_replicas(cluster):
    cluster.put(build_pipeline(turbo=True))
    cluster.settle(2)
    assert ready(cluster) == ("False", "SpecInvalid")


def test_a_candidate_is_told_with_its_number(cluster):
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    candidate = cluster.status(*PIPELINE)["candidate"]
    assert {key: candidate[key] for key in candidate if key != "digest"} == {
        "revision": 2,
        "percent": 0.0,
        "confirmedPercent": 0.0,
    }


def test_a_candidate_lies_beside_the_stable_release_and_gets_nothing(cluster):
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    data = cluster.objects["ConfigMap", "card-payments-decision"]["data"]
    assert json.loads(data["split.json"]) == {"percent": 0.0}
    assert {"stable.json", "candidate.json", "split.json"} == set(data)


def test_roles_move_with_the_releases(cluster):
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    before = revisions(cluster)
    cluster.settle(4)
    assert [
        before,
        revisions(cluster),
    ] == [[(1, "stable"), (2, "candidate")], [(1, "history"), (2, "stable")]]


def test_a_release_that_comes_back_has_a_new_number(cluster):
    cluster.put(build_rules(20))
    cluster.settle(4)
    cluster.put(build_rules())
    cluster.settle(4)
    assert revisions(cluster) == [(2, "history"), (3, "stable")]


@pytest.mark.parametrize("limit", [0, 1, 10])
def test_as_many_past_releases_are_kept_as_the_spec_says(cluster, limit):
    cluster.put(build_pipeline(revisionHistoryLimit=limit))
    for points in (20, 30, 40):
        cluster.put(build_rules(points))
        cluster.settle(4)
    kept = [(number, "history") for number in (1, 2, 3)][3 - min(limit, 3) :]
    assert [*kept, (4, "stable")] == revisions(cluster)


def test_a_refusal_is_kept_whatever_the_limit(cluster):
    cluster.put(build_pipeline(revisionHistoryLimit=0))
    refuse_next(cluster, 20, Broken("FeatureSpecMismatch"))
    cluster.writes.clear()
    cluster.settle(20)
    assert [cluster.writes, ready(cluster)] == [[], ("False", "FeatureSpecMismatch")]


def test_a_server_that_tries_again_keeps_its_candidate(cluster):
    digest = refuse_next(cluster, 20, Broken("StoreUnreachable", retrying=True))
    before = [ready(cluster), projected(cluster, NAME, "candidate.json")]
    cluster.world.broken.clear()
    cluster.settle(4)
    assert [("False", "StoreUnreachable"), digest] == before
    assert ready(cluster) == ("True", "Served")


def test_a_third_release_takes_the_place_of_the_second_on_its_way(cluster):
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    cluster.put(build_rules(30))
    cluster.settle(4)
    assert revisions(cluster) == [(1, "history"), (2, "history"), (3, "stable")]
    assert ready(cluster) == ("True", "Served")


def test_a_change_right_after_a_takeover_is_loaded_beside_as_well(cluster):
    """Pods have not said yet that they serve what took over, but they have loaded it."""
    cluster.put(build_rules(20))
    while (2, "stable") not in revisions(cluster):
        cluster.step()
        cluster.reconcile(*PIPELINE)
    cluster.put(build_rules(30))
    cluster.reconcile(*PIPELINE)
    assert revisions(cluster) == [(1, "history"), (2, "stable"), (3, "candidate")]


def test_a_first_release_that_no_pod_has_loaded_makes_way_at_once(empty):
    empty.world.images["sentinel.local/bento:dev"] = "oom"
    empty.put(build_model(server={"image": "proof:1"}), build_rules(), build_pipeline())
    empty.settle(4)
    empty.put(build_rules(20))
    empty.reconcile(*PIPELINE)
    assert revisions(empty) == [(1, "history"), (2, "stable")]


def test_a_first_release_that_ready_pods_may_serve_makes_no_way(empty):
    """Nobody can ask them, which says nothing of what they serve."""
    empty.put(build_model(), build_rules(), build_pipeline())
    for _ in range(12):
        empty.mute = set(empty.pods)
        empty.pass_by()
    empty.put(build_rules(20))
    empty.mute = set(empty.pods)
    empty.reconcile(*PIPELINE)
    assert revisions(empty) == [(1, "stable"), (2, "candidate")]
    empty.mute.clear()
    empty.settle(4)
    assert revisions(empty) == [(1, "history"), (2, "stable")]
    assert ready(empty) == ("True", "Served")


def test_going_back_on_the_way_withdraws_the_candidate(cluster):
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    cluster.put(build_rules())
    cluster.settle(4)
    assert [
        revisions(cluster),
        ready(cluster),
    ] == [[(1, "stable"), (2, "history")], ("True", "Served")]


def test_labels_that_were_taken_away_come_back(cluster):
    (name,) = [name for kind, name in cluster.objects if kind == "ControllerRevision"]
    revision = cluster.objects["ControllerRevision", name]
    del revision["metadata"]["labels"]["sentinel.dev/role"]
    revision["applied"] = None
    cluster.put({**build_rules(), "data": {"rules.yaml": "- id: broken"}})
    cluster.settle(2)
    assert revisions(cluster) == [(1, "stable")]
    assert cluster.condition(*PIPELINE, "Available") == ("True", "PreviousServed")


def test_a_pipeline_whose_releases_were_deleted_goes_on_while_its_inputs_are_wrong(cluster):
    (name,) = [name for kind, name in cluster.objects if kind == "ControllerRevision"]
    cluster.remove("ControllerRevision", name)
    cluster.put({**build_rules(), "data": {"rules.yaml": "- id: broken"}})
    cluster.settle(2)
    assert DEPLOYMENT in cluster.objects
    assert cluster.condition(*PIPELINE, "Available") == ("True", "PreviousServed")


def test_numbers_go_on_where_releases_were_deleted(cluster):
    cluster.put(build_rules(20))
    cluster.settle(4)
    for kind, name in list(cluster.objects):
        if kind == "ControllerRevision":
            cluster.remove(kind, name)
    cluster.settle(4)
    assert revisions(cluster) == [(3, "stable")]


def test_a_release_of_another_version_stops_the_round(cluster):
    (name,) = [name for kind, name in cluster.objects if kind == "ControllerRevision"]
    cluster.objects["ControllerRevision", name]["data"] = {"release": '{"format": "v9"}'}
    cluster.reconcile(*PIPELINE)
    assert conditions(cluster, "Ready", "Available") == [
        ("False", "ReleaseUnreadable"),
        ("True", "PreviousServed"),
    ]
    failure = cluster.status(*PIPELINE)["lastFailure"]
    assert f"kubectl delete controllerrevision {name} -n payments" in failure["userAction"]


def test_a_past_release_of_another_version_is_passed_over(cluster):
    (name,) = [name for kind, name in cluster.objects if kind == "ControllerRevision"]
    cluster.put(build_rules(20))
    cluster.settle(4)
    cluster.objects["ControllerRevision", name]["data"] = {"release": '{"format": "v9"}'}
    cluster.put(build_rules(30))
    cluster.settle(4)
    assert ready(cluster) == ("True", "Served")
    assert revisions(cluster) == [(1, "history"), (2, "history"), (3, "stable")]
