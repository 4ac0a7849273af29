"""A real API server takes the generated objects, and Pod Security the pods."""

from __future__ import annotations

import json

import pytest

from tests.setup.errors import HarnessError
from tests.support.operator_objects import CASES, MODEL, PIPELINE

WITHOUT_AN_API = "ServiceMonitor"
"""Whose definition comes with a Prometheus operator."""


@pytest.fixture(scope="module")
def namespace(api):
    """A namespace that refuses pods which are not restricted; it has the accounts of the servers."""
    name = api.namespace("generated", {"pod-security.kubernetes.io/enforce": "restricted"})
    for child in (MODEL, PIPELINE):
        metadata = {"name": child.name, "namespace": name}
        api.kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    return name


def try_to_apply(api, namespace, thing):
    """Apply an object as the operator does, but for keeping it; return what the API server makes."""
    placed = {**thing, "metadata": {**thing["metadata"], "namespace": namespace}}
    text = api.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict",
        "--field-manager=sentinel-operator", "--output=json", "--filename=-", stdin=json.dumps(placed),
    )  # fmt: skip
    return json.loads(text)


def pods_of(objects):
    for thing in objects:
        if thing["kind"] in ("Deployment", "Job"):
            yield {"apiVersion": "v1", "kind": "Pod", **thing["spec"]["template"]}


@pytest.mark.parametrize("case", CASES)
def test_an_api_server_takes_every_object(api, namespace, case):
    objects = [one for one in CASES[case]() if one["kind"] != WITHOUT_AN_API]
    taken = [try_to_apply(api, namespace, one) for one in objects]
    assert [one["kind"] for one in objects] == [one["kind"] for one in taken]


@pytest.mark.parametrize("case", [case for case in CASES if list(pods_of(CASES[case]()))])
def test_pods_are_restricted(api, namespace, case):
    for number, pod in enumerate(pods_of(CASES[case]())):
        named = {**pod, "metadata": {**pod["metadata"], "name": f"pod-{number}"}}
        assert try_to_apply(api, namespace, named)["kind"] == "Pod"


def test_the_namespace_refuses_a_pod_that_is_not_restricted(api, namespace):
    (pod,) = pods_of(CASES["proof"]())
    pod["spec"]["containers"][0].pop("securityContext")
    named = {**pod, "metadata": {"name": "pod"}}
    with pytest.raises(HarnessError, match="violates PodSecurity"):
        try_to_apply(api, namespace, named)
