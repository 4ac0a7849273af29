"""Children are as the resource wants them, and everything that is somebody else's stays as it is."""

from __future__ import annotations

import json

import pytest

from tests.support.operator_place import model
from tests.support.operator_process import eventually

RESTORED_SECONDS = 5.0
KINDS = (
    "configmap", "deployment", "service", "serviceaccount", "networkpolicy", "poddisruptionbudget",
    "horizontalpodautoscaler",
)  # fmt: skip
AUTOSCALED = {"autoscaling": {"minReplicas": 1, "maxReplicas": 9}}


@pytest.fixture
def ready(place, pods, operator):
    """Apply a model and wait until it is ready; give back its children by kind."""

    def apply(**declared):
        place.apply(model("a", place.namespace, **declared))
        eventually(lambda: place.phase("a") == "Ready", "the model is ready")
        items = place.list(",".join(KINDS))
        named = [item for item in items if item["metadata"]["name"] == "a-model"]
        return {item["kind"].lower(): item for item in named}

    return apply


def at(thing, path):
    for part in path:
        thing = thing[part] if isinstance(part, int) else (thing or {}).get(part)
    return thing


def again(place, kind, before):
    now = place.find(kind, "a-model")
    return now is not None and now["metadata"]["uid"] != before["metadata"]["uid"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_child_is_made_again(place, ready, kind):
    before = ready(**AUTOSCALED)[kind]
    place.kubectl("delete", kind, "a-model")
    eventually(
        lambda: again(place, kind, before),
        f"the {kind} is there again",
        within_seconds=RESTORED_SECONDS,
    )


CONTAINER = ("spec", "template", "spec", "containers", 0)
CHANGES = {
    "what pods are told": ("configmap", {"data": {"artifacts.json": "other"}}, ("data",)),
    "a label": (
        "service",
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
        ("metadata", "labels"),
    ),
    "the labels it is watched by": (
        "deployment",
        {"metadata": {"labels": {"sentinel.dev/resource": None, "sentinel.dev/kind": None}}},
        ("metadata", "labels"),
    ),
    "a selector": (
        "service", {"spec": {"selector": {"sentinel.dev/kind": "other"}}}, ("spec", "selector"),
    ),
    "an image": (
        "deployment",
        {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "x"}]}}}},
        (*CONTAINER, "image"),
    ),
    "a quantity": (
        "deployment",
        {"spec": {"template": {"spec": {"containers": [
            {"name": "server", "resources": {"requests": {"cpu": "2"}}},
        ]}}}},
        (*CONTAINER, "resources", "requests", "cpu"),
    ),
    "a variable that goes": (
        "deployment",
        {"spec": {"template": {"spec": {"containers": [
            {"name": "server", "env": [{"name": "TEXT", "$patch": "delete"}]},
        ]}}}},
        (*CONTAINER, "env"),
    ),
    "an ingress rule of the network policy": (
        "networkpolicy", {"spec": {"ingress": [{"ports": [{"port": 1}]}]}}, ("spec", "ingress"),
    ),
    "replicas": ("deployment", {"spec": {"replicas": 7}}, ("spec", "replicas")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_field_is_put_back(place, ready, change):
    kind, patch, path = change
    resources = {"requests": {"cpu": "1000m"}, "limits": {"memory": "1Gi"}}
    expected = at(ready(replicas=2, resources=resources)[kind], path)
    patched = place.kubectl("patch", kind, "a-model", "--patch", json.dumps(patch), "--output=json")
    assert expected != at(json.loads(patched), path)
    eventually(
        lambda: at(place.get(kind, "a-model"), path) == expected,
        f"{path} is as it was",
        within_seconds=RESTORED_SECONDS,
    )


def test_fields_of_others_stay(place, ready):
    ready()
    foreign = '{"metadata": {"labels": {"team": "blue"}}, "data": {"theirs": "kept"}}'
    place.kubectl("patch", "configmap", "a-model", "--patch", foreign, "--field-manager=them")
    digest = f"sha256:{'2' * 64}"
    ready(digest=digest)
    eventually(
        lambda: digest in place.get("configmap", "a-model")["data"]["artifacts.json"],
        "pods are told something new",
    )
    now = place.get("configmap", "a-model")
    assert (now["metadata"]["labels"]["team"], now["data"]["theirs"]) == ("blue", "kept")


def test_a_field_that_is_no_longer_wanted_goes(place, ready):
    ready(env=[{"name": "MORE", "value": "1"}, {"name": "TEXT", "value": "1"}])
    place.apply(model("a", place.namespace, text="2"))
    eventually(lambda: place.text("a") == "2", "the Deployment is changed")
    variables = at(place.get("deployment", "a-model"), (*CONTAINER, "env"))
    assert "MORE" not in [one["name"] for one in variables]


def test_a_child_that_is_no_longer_wanted_goes(place, ready):
    ready(**AUTOSCALED)
    place.apply(model("a", place.namespace))
    eventually(lambda: not place.list("horizontalpodautoscaler"), "the autoscaler is gone")


def test_replicas_are_the_autoscalers_where_there_is_one(place, ready):
    ready(**AUTOSCALED)
    place.kubectl("scale", "deployment", "a-model", "--replicas=7")
    place.apply(model("a", place.namespace, text="2", **AUTOSCALED))
    eventually(lambda: place.text("a") == "2", "the Deployment is changed")
    eventually(lambda: place.phase("a") == "Ready", "the model is ready")
    assert place.get("deployment", "a-model")["spec"]["replicas"] == 7


def test_replicas_are_set_and_never_applied(place, ready):
    ready(replicas=2)
    deployment = place.get("deployment", "a-model")
    applied = [
        entry["fieldsV1"]["f:spec"]
        for entry in deployment["metadata"]["managedFields"]
        if (entry["manager"], entry["operation"]) == ("sentinel-operator", "Apply")
    ]
    assert [deployment["spec"]["replicas"], *("f:replicas" in one for one in applied)] == [2, False]


def test_every_child_is_applied_by_one_manager(place, ready):
    kinds = ready(**AUTOSCALED)
    owners = {
        kind: {
            entry["manager"]
            for entry in place.get(kind, "a-model")["metadata"]["managedFields"]
            if "f:ownerReferences" in entry["fieldsV1"].get("f:metadata", {})
        }
        for kind in kinds
    }
    assert owners == {kind: {"sentinel-operator"} for kind in KINDS}


def test_a_taken_name_is_left_alone(place, operator):
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a-model", "namespace": place.namespace},
        "data": {"theirs": "kept"},
    }
    place.apply(theirs)
    before = place.get("configmap", "a-model")
    place.apply(model("a", place.namespace))
    eventually(lambda: place.phase("a") == "Degraded", "the status says so")
    assert before == place.get("configmap", "a-model")


def test_a_child_over_a_quota_is_told_of_in_the_status(place, ready):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota"}
    quota |= {"metadata": {"name": "q", "namespace": place.namespace}}
    none = {"count/horizontalpodautoscalers.autoscaling": "0"}
    place.apply(quota | {"spec": {"hard": none}})
    # There is no controller that would count.
    status = json.dumps({"status": {"hard": none, "used": none}})
    place.kubectl(
        "patch", "resourcequota", "q", "--subresource=status", "--type=merge", "--patch", status
    )
    place.apply(model("a", place.namespace, **AUTOSCALED))
    eventually(lambda: place.phase("a") == "Degraded", "the status says so")
    failure = place.get("smodel", "a")["status"]["lastFailure"]
    assert (failure["reason"], "exceeded quota" in failure["message"]) == ("QuotaExceeded", True)


def test_a_refused_child_keeps_no_other_from_being_applied(place, ready):
    test_a_child_over_a_quota_is_told_of_in_the_status(place, ready)
    assert place.find("deployment", "a-model") is not None
