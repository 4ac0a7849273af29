"""What is built carries the labels by which it is watched, found and told apart."""

import pytest

from sentinel_core.resources.server import Resources, Server
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import Pod, build_deployment
from sentinel_operator.builders.proof_job import Proof, build_proof_job
from sentinel_operator.builders.revision import build_revision
from sentinel_operator.builders.service_monitor import API
from sentinel_operator.kube.kinds import CHILDREN, KINDS, ResourceKey, owner_of
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.server import build_server

DIGEST = f"sha256:{'a' * 64}"
MODEL = Child("SentinelModel", "card-fraud", "payments", "u1")
PIPELINE = Child("SentinelPipeline", "card-fraud", "payments", "u2")
CHILDREN_OF = pytest.mark.parametrize("child", [MODEL, PIPELINE], ids=["model", "pipeline"])
AUTOSCALED = Server.model_validate({"autoscaling": {"maxReplicas": 3}})


def pod():
    return Pod("model", AUTOSCALED, "i:1", "IfNotPresent")


def proof_job(child):
    proof = Proof("s3://m/a.tar", DIGEST, None, None, "i:1", Resources.model_validate({}))
    return build_proof_job(child, proof, pull_policy="IfNotPresent")


def built(child):
    """Return an object of every kind that such a resource has."""
    defaults = Defaults("i:1", "IfNotPresent", "sentinel-system")
    server = build_server(child, pod(), data={}, defaults=defaults, apis=frozenset({API}))
    if child is MODEL:
        return [*server, proof_job(child)]
    revision = build_revision(
        child, digest=DIGEST, number=1, role="stable", annotations={}, data={}
    )
    return [*server, revision]


def templates(child):
    for thing in (build_deployment(child, pod()), proof_job(child)):
        labels = thing["spec"]["template"]["metadata"]["labels"]
        yield {"metadata": {"labels": labels, "namespace": child.namespace}}


@CHILDREN_OF
def test_every_object_is_found_to_belong_to_its_resource(child):
    owner = ResourceKey(child.kind, "payments", "card-fraud")
    assert {owner_of(thing) for thing in built(child)} == {owner}


@CHILDREN_OF
def test_every_pod_is_found_to_belong_to_its_resource(child):
    owner = ResourceKey(child.kind, "payments", "card-fraud")
    assert {owner_of(thing) for thing in templates(child)} == {owner}


def test_every_kind_that_is_built_is_watched_and_no_other():
    kinds = {thing["kind"] for child in (MODEL, PIPELINE) for thing in built(child)}
    assert kinds == {kind.name for kind in CHILDREN}


@CHILDREN_OF
def test_every_object_is_of_the_version_that_is_watched(child):
    versions = {thing["kind"]: thing["apiVersion"] for thing in built(child)}
    assert versions == {name: KINDS[name].api_version for name in versions}


@CHILDREN_OF
def test_a_server_gets_no_traffic_at_pods_that_prove(child):
    server, proof = (one["metadata"]["labels"].items() for one in templates(child))
    selected = child.selector.items()
    assert (selected <= server, selected <= proof) == (True, False)


def test_a_model_and_a_pipeline_of_one_name_share_neither_names_nor_pods():
    names = [
        {(one["kind"], one["metadata"]["name"]) for one in built(c)} for c in (MODEL, PIPELINE)
    ]
    served = next(templates(PIPELINE))["metadata"]["labels"].items()
    assert (names[0] & names[1], MODEL.selector.items() <= served) == (set(), False)


def test_the_longest_names_fit_where_kubernetes_wants_a_label():
    child = Child("SentinelPipeline", "a" * 40, "n", "u")
    longest = max((thing["metadata"]["name"] for thing in built(child)), key=len)
    assert len(longest) <= 63


@CHILDREN_OF
def test_a_monitor_has_the_labels_by_which_a_prometheus_selects_and_keeps_its_own(child):
    labels = {"release": "prometheus", "sentinel.dev/resource": "another"}
    defaults = Defaults("i:1", "IfNotPresent", "sentinel-system", labels)
    server = build_server(child, pod(), data={}, defaults=defaults, apis=frozenset({API}))
    (monitor,) = [thing for thing in server if thing["kind"] == "ServiceMonitor"]
    assert monitor["metadata"]["labels"] == {"release": "prometheus"} | child.metadata()["labels"]
