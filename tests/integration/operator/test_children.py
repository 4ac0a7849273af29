"""Children are as the resource wants them, and everything that is somebody else's stays as it is."""

from __future__ import annotations

import pytest

from tests.support.operator_place import model
from tests.support.operator_process import eventually

RESTORED_SECONDS = 5.0
KINDS = (
    "configmap", "deployment", "service", "serviceaccount", "networkpolicy", "poddisruptionbudget",
)  # fmt: skip


def apply_and_wait(place, *args, **kwargs):
    place.apply(model(*args, **kwargs))
    eventually(
        lambda: place.get("smodel", "a").get("status", {}).get("phase") == "Ready",
        "the model is ready",
    )
    return {kind: place.get(kind, "a-model") for kind in KINDS}


def managers_of(thing, field):
    """Name who owns a field of metadata or spec, given as managedFields write it."""
    return {
        entry["manager"]
        for entry in thing["metadata"]["managedFields"]
        if field in str(entry.get("fieldsV1"))
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_child_is_made_again(place, operator, kind):
    before = apply_and_wait(place, "a", place.namespace)[kind]
    place.kubectl("delete", kind, "a-model")
    eventually(
        lambda: (
            (place.find(kind, "a-model") or before)["metadata"]["uid"] != before["metadata"]["uid"]
        ),
        f"the {kind} is there again",
        within_seconds=RESTORED_SECONDS,
    )


CHANGES = {
    "a text": ("configmap", '{"data": {"text": "other"}}', ("data", "text")),
    "a removed text": ("configmap", '{"data": {"text": null}}', ("data", "text")),
    "a label": (
        "service",
        '{"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}}',
        ("metadata", "labels"),
    ),
    "the labels it is watched by": (
        "deployment",
        '{"metadata": {"labels": {"sentinel.dev/resource": null, "sentinel.dev/kind": null}}}',
        ("metadata", "labels"),
    ),
    "a selector": (
        "service",
        '{"spec": {"selector": {"sentinel.dev/kind": "other"}}}',
        ("spec", "selector"),
    ),
    "an image": (
        "deployment",
        '{"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "x"}]}}}}',
        ("spec", "template", "spec", "containers", 0, "image"),
    ),
    "a quantity": (
        "deployment",
        """{"spec": {"template": {"spec": {"containers": [
            {"name": "server", "resources": {"requests": {"cpu": "2"}}}]}}}}""",
        ("spec", "template", "spec", "containers", 0, "resources", "requests", "cpu"),
    ),
    "a rule of the network policy": (
        "networkpolicy",
        '{"spec": {"ingress": [{"ports": [{"port": 1}]}]}}',
        ("spec", "ingress"),
    ),
    "a scale": ("deployment", '{"spec": {"replicas": 7}}', ("spec", "replicas")),
}  # fmt: skip


def at(thing, path):
    for part in path:
        thing = thing[part] if isinstance(part, int) else (thing or {}).get(part)
    return thing


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_field_is_put_back(place, operator, change):
    kind, patch, path = change
    before = apply_and_wait(place, "a", place.namespace, replicas=2)
    place.kubectl("patch", kind, "a-model", "--patch", patch)
    eventually(
        lambda: at(place.get(kind, "a-model"), path) == at(before[kind], path),
        f"{path} is as it was",
        within_seconds=RESTORED_SECONDS,
    )


def test_fields_of_others_stay(place, operator):
    apply_and_wait(place, "a", place.namespace)
    foreign = '{"metadata": {"labels": {"team": "blue"}}, "data": {"theirs": "kept"}}'
    place.kubectl("patch", "configmap", "a-model", "--patch", foreign, "--field-manager=them")
    place.apply(model("a", place.namespace, text="2"))
    eventually(lambda: at(place.get("configmap", "a-model"), ("data", "text")) == "2", "a new text")
    now = place.get("configmap", "a-model")
    assert (now["metadata"]["labels"]["team"], now["data"]["theirs"]) == ("blue", "kept")


def test_a_field_that_is_no_longer_wanted_goes(place, operator):
    apply_and_wait(place, "a", place.namespace, text="2")
    assert place.get("configmap", "a-model")["data"]["more"] == "two"
    place.apply(model("a", place.namespace, text="3"))
    eventually(lambda: at(place.get("configmap", "a-model"), ("data", "text")) == "3", "a new text")
    assert "more" not in place.get("configmap", "a-model")["data"]


def test_replicas_are_the_autoscalers_where_there_is_one(place, operator):
    apply_and_wait(place, "a", place.namespace, autoscaling={"minReplicas": 1, "maxReplicas": 9})
    place.kubectl("scale", "deployment", "a-model", "--replicas=7")
    place.apply(model("a", place.namespace, text="2", autoscaling={"maxReplicas": 9}))
    eventually(lambda: at(place.get("configmap", "a-model"), ("data", "text")) == "2", "a round")
    assert place.get("deployment", "a-model")["spec"]["replicas"] == 7


def test_replicas_are_set_and_never_applied(place, operator):
    apply_and_wait(place, "a", place.namespace, replicas=2)
    eventually(lambda: place.get("deployment", "a-model")["spec"]["replicas"] == 2, "a scale")
    applied = [
        entry["fieldsV1"]["f:spec"]
        for entry in place.get("deployment", "a-model")["metadata"]["managedFields"]
        if entry["operation"] == "Apply"
    ]
    assert [{"f:selector", "f:template"}] == [set(fields) for fields in applied]


def test_every_child_is_applied_by_one_manager(place, operator):
    children = apply_and_wait(place, "a", place.namespace)
    owners = [managers_of(child, "f:ownerReferences") for child in children.values()]
    assert owners == [{"sentinel-operator"}] * len(KINDS)


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
    eventually(
        lambda: place.get("smodel", "a").get("status", {}).get("phase") == "Degraded",
        "the status says so",
    )
    assert before == place.get("configmap", "a-model")


def test_what_the_api_server_says_of_a_refused_child_is_in_the_status(place, operator):
    apply_and_wait(place, "a", place.namespace)
    place.apply(model("a", place.namespace, text="broken"))
    eventually(
        lambda: place.get("smodel", "a")["status"]["phase"] == "Degraded", "the status says so"
    )
    assert "must be greater than or equal to 0" in place.get("smodel", "a")["status"]["selector"]


def test_a_refused_child_keeps_no_other_from_being_applied(place, operator):
    apply_and_wait(place, "a", place.namespace)
    place.apply(model("a", place.namespace, text="broken"))
    eventually(
        lambda: at(place.get("configmap", "a-model"), ("data", "text")) == "broken", "a new text"
    )
