"""Whatever the API server refuses is told of in the status, and nothing is served that is not kept."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.cluster.harness.kubectl import Kubectl
from tests.support.operator_place import model
from tests.support.operator_process import eventually

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "logins"
SERVED = "logins-decision"
WORDS = "nobody may do that here"
ADMISSION = "admissionregistration.k8s.io/v1"
REFUSED = 'sentinel_operator_errors_total{kind="SentinelPipeline",reason="refused"}'
TRIES = 2


@pytest.fixture
def ready(place, pods, operator):
    def apply(*things, kind="smodel", name="a"):
        place.apply(*things)
        eventually(lambda: place.phase(name, kind) == "Ready", f"{kind} {name} is ready")

    return apply


def logins(place, **changes):
    """Return the sample of logins, its pipeline with a changed spec."""
    texts = (path.read_text() for path in sorted(SAMPLE.glob("*.yaml")))
    for document in (one for text in texts for one in yaml.safe_load_all(text)):
        document["metadata"]["namespace"] = place.namespace
        if document["kind"] == "SentinelPipeline":
            document["spec"] |= changes
        yield document


@contextmanager
def admission(place, probe, *objects):
    """Have rules of admission in the namespace, from when a command of kubectl feels them."""
    place.apply(*objects)
    try:
        eventually(lambda: is_refused(place, *probe), "the rule is in force")
        yield
    finally:
        for one in objects:
            place.api.kubectl("delete", one["kind"].lower(), one["metadata"]["name"])


def is_refused(place, *arguments):
    kubectl: Kubectl = place.api.kubectl
    ran = kubectl.run(*arguments, "--namespace", place.namespace, "--dry-run=server")
    return ran.returncode != 0


def forbid(place, operation, resource, group, probe):
    """Refuse an operation to everybody, as a policy of the cluster does."""
    name = f"{place.namespace}-{resource.replace('/', '-')}"
    rule = {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": [operation],
        "resources": [resource],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    policy = {
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{"expression": "false", "message": WORDS}],
        },
    }
    binding = {
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return admission(place, probe, policy, binding)


def limit(place, resource, most):
    """Allow so many objects; there is no controller that would count those that are there."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota"}
    quota |= {"metadata": {"name": "q", "namespace": place.namespace}}
    hard = {f"count/{resource}": most}
    place.apply(quota | {"spec": {"hard": hard}})
    status = json.dumps({"status": {"hard": hard, "used": {f"count/{resource}": "0"}}})
    place.kubectl(
        "patch", "resourcequota", "q", "--subresource=status", "--type=merge", "--patch", status
    )


def says(place, words, *, kind="smodel", name="a"):
    failure = place.get(kind, name).get("status", {}).get("lastFailure", {})
    return place.phase(name, kind) == "Degraded" and words in failure.get("message", "")


AUTOSCALED = {"autoscaling": {"minReplicas": 1, "maxReplicas": 9}}
CHANGES = {
    "a deletion": (
        AUTOSCALED, {},
        ("DELETE", "horizontalpodautoscalers", "autoscaling"),
        ("delete", "horizontalpodautoscaler", "a-model"),
    ),
    "a number of replicas": (
        {"replicas": 1}, {"replicas": 2},
        ("UPDATE", "deployments/scale", "apps"),
        ("scale", "deployment", "a-model", "--replicas=5"),
    ),
    "a pod that is to be told at once": (
        {}, {"digest": f"sha256:{'2' * 64}"},
        ("UPDATE", "pods", ""),
        ("annotate", "pod", "a-model-0", "told=now"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES)
def test_a_change_that_a_policy_refuses_is_told_of_in_the_status(place, ready, case):
    before, after, rule, probe = case
    ready(model("a", place.namespace, **before))
    with forbid(place, *rule, probe):
        place.apply(model("a", place.namespace, **after))
        eventually(lambda: says(place, WORDS), "the status says so")
    eventually(lambda: place.phase("a") == "Ready", "it is carried out once it may be")


def test_a_webhook_that_is_down_is_told_of_in_the_status(place, pods, operator):
    selector = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    rule = {
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["services"],
    }  # fmt: skip
    hook = {
        "name": "down.sentinel.dev",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "namespaceSelector": selector,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
    }
    configuration = {
        "apiVersion": ADMISSION,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": place.namespace},
        "webhooks": [hook],
    }
    probe = ("create", "service", "clusterip", "x", "--tcp=80")
    with admission(place, probe, configuration):
        place.apply(model("a", place.namespace))
        eventually(
            lambda: says(place, 'failed calling webhook "down.sentinel.dev"'), "the status says so"
        )
        failure = place.get("smodel", "a")["status"]["lastFailure"]
        assert (failure["reason"], "webhook" in failure["userAction"]) == ("ChildRefused", True)
        assert place.find("deployment", "a-model") is not None
    eventually(lambda: place.phase("a") == "Ready", "it is carried out once it may be")


def test_a_first_release_that_cannot_be_kept_is_not_served(place, pods, operator):
    limit(place, "controllerrevisions.apps", "0")
    place.apply(*logins(place))
    eventually(
        lambda: says(place, "exceeded quota", kind="spipe", name="logins"), "the status says so"
    )
    unserved = place.get("spipe", "logins")["status"]
    assert ({"stable", "models"} & unserved.keys(), place.find("configmap", SERVED)) == (
        set(),
        None,
    )
    limit(place, "controllerrevisions.apps", "9")
    eventually(lambda: place.phase("logins", "spipe") == "Ready", "it is served once it is kept")
    assert place.get("spipe", "logins")["status"]["stable"]["revision"] == 1


def test_a_release_whose_turn_cannot_be_kept_does_not_serve(place, ready, operator):
    ready(*logins(place), kind="spipe", name="logins")
    before = place.get("spipe", "logins")["status"]["stable"]
    revision = place.list("controllerrevision")[0]["metadata"]["name"]
    probe = ("label", "controllerrevision", revision, "told=now")
    with forbid(place, "UPDATE", "controllerrevisions", "apps", probe):
        place.apply(*logins(place, budgetMs=40))
        eventually(lambda: says(place, WORDS, kind="spipe", name="logins"), "the status says so")
        told = versions(place)
        since = operator.metric(REFUSED)
        eventually(lambda: operator.metric(REFUSED) >= since + TRIES, "it was tried again")
        assert (told, before) == (versions(place), place.get("spipe", "logins")["status"]["stable"])
    eventually(lambda: place.phase("logins", "spipe") == "Ready", "it serves once that is kept")
    assert place.get("spipe", "logins")["status"]["stable"]["revision"] == 2


def versions(place):
    """Return the versions of what pods are told and of what the status says."""
    things = (place.get("configmap", SERVED), place.get("spipe", "logins"))
    return [one["metadata"]["resourceVersion"] for one in things]
