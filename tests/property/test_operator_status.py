"""What the operator says of a resource, whatever its pods are like and in whatever order they come."""

from __future__ import annotations

import copy
import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_operator.services.plan import Served
from tests.support.simulated import SimulatedCluster
from tests.support.simulated.cluster import DECIDE, DEFAULTS
from tests.support.simulated.resources import (
    FIRST,
    MODEL,
    PIPELINE,
    SECOND,
    build_model,
    build_pipeline,
    build_rules,
)

NOBODY = object()
"""Stands for a pod that was not asked."""
RESOURCES = pytest.mark.parametrize("resource", [MODEL, PIPELINE], ids=["model", "pipeline"])


def settled(*, after=()):
    cluster = SimulatedCluster()
    cluster.put(build_model(server={"replicas": 2}), build_rules(), build_pipeline())
    cluster.settle(8)
    cluster.put(*after)
    return {resource: cluster.observe(*resource) for resource in (MODEL, PIPELINE)}


SETTLED = settled()
CHANGED = settled(after=[build_model(SECOND, server={"replicas": 2}), build_rules(20)])


def wanted_of(observed):
    status = observed.resource["status"]
    return (status.get("stable") or status["artifact"])["digest"]


def reports(wanted):
    digests = st.sampled_from([wanted, wanted, wanted, FIRST, SECOND, None, "no digest"])
    report = st.fixed_dictionaries(
        {"stable": digests},
        optional={
            "candidate": digests,
            "state": st.sampled_from(["Ready", "Refused", "Starting", "Odd"]),
            "reason": st.sampled_from(["StoreDenied", "OfANewerVersion", None, 7]),
            "message": st.sampled_from(["it is bad", None]),
            "refused": digests,
            "retrying": st.booleans(),
        },
    )
    answers = st.one_of(report, st.none(), st.just({}), st.just({"stable": [1]}))
    return st.one_of(answers, st.just(NOBODY))


@st.composite
def healthy_pods(draw, wanted):
    """Draw a ready pod; it may serve something else."""
    number = draw(st.integers(0, 1_000))
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    pod = {"kind": "Pod", "metadata": {"name": f"pod-{number}", "uid": f"uid-{number}"}}
    said = draw(st.sampled_from([wanted, wanted, wanted, SECOND, None]))
    return {**pod, "status": status}, {"state": "Ready", "stable": said}


@st.composite
def any_pods(draw, wanted):
    """Draw a pod and what it said."""
    number = draw(st.integers(0, 1_000))
    status = draw(
        st.sampled_from(
            [
                {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
                {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
                {"phase": "Running"},
                {"phase": "Pending"},
                {"phase": "Failed", "conditions": [{"type": "Ready", "status": "True"}]},
            ]
        )
    )
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    containers = draw(st.sampled_from([[], [{"ready": True}], [waiting]]))
    metadata = {"name": f"pod-{number}", "uid": f"uid-{number}"}
    if draw(st.integers(0, 4)) == 0:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    pod = {
        "kind": "Pod",
        "metadata": metadata,
        "status": {**status, "containerStatuses": containers},
    }
    return pod, draw(reports(wanted))


@st.composite
def observations(draw, resource):
    """Draw an observation: what is settled, or on its way, with pods and counts of any kind."""
    observed = draw(st.sampled_from([SETTLED, CHANGED]))[resource]
    pods = draw(st.sampled_from([healthy_pods, any_pods]))(wanted_of(observed))
    by_name = {"unique_by": lambda one: one[0]["metadata"]["name"]}
    drawn = draw(st.lists(pods, max_size=4, **by_name))
    children = dict(observed.children)
    key = next(key for key in children if key[0] == "Deployment")
    deployment = copy.deepcopy(children[key])
    counts = st.integers(0, 3)
    if draw(st.booleans()):
        for count in ("replicas", "updatedReplicas", "readyReplicas"):
            deployment["status"][count] = draw(counts)
    deployment["metadata"]["generation"] += draw(st.integers(0, 1))
    children[key] = deployment
    return dataclasses.replace(
        observed,
        pods=tuple(pod for pod, _ in drawn),
        served=tuple(
            Served(pod["metadata"]["name"], said) for pod, said in drawn if said is not NOBODY
        ),
        children=children,
    )


def decide(observed):
    return DECIDE[observed.resource["kind"]](observed, DEFAULTS)


def is_ready(pod):
    ready = {"type": "Ready", "status": "True"} in pod["status"].get("conditions", [])
    over = pod["status"]["phase"] == "Failed" or "deletionTimestamp" in pod["metadata"]
    return ready and not over


def condition(status, type_):
    return next(one for one in status["conditions"] if one["type"] == type_)


@RESOURCES
@given(data=st.data())
def test_ready_means_that_every_ready_pod_says_what_is_declared(resource, data):
    observed = data.draw(observations(resource))
    status = decide(observed).status
    said = {one.pod: one.report for one in observed.served}
    ready = [pod["metadata"]["name"] for pod in observed.pods if is_ready(pod)]
    if condition(status, "Ready")["status"] == "True":
        declared = {MODEL: FIRST, PIPELINE: wanted_of(SETTLED[PIPELINE])}[resource]
        assert observed.resource is SETTLED[resource].resource, "a change is on its way"
        assert [declared] * len(ready) == [said[name]["stable"] for name in ready]
        assert observed.resource["metadata"]["generation"] == status["observedGeneration"]
        assert ready


@RESOURCES
def test_a_settled_resource_is_ready(resource):
    assert condition(decide(SETTLED[resource]).status, "Ready")["status"] == "True"


@RESOURCES
@given(data=st.data())
def test_available_means_that_a_ready_pod_serves_something(resource, data):
    observed = data.draw(observations(resource))
    said = {one.pod: one.report for one in observed.served if isinstance(one.report, dict)}
    ready = {pod["metadata"]["name"] for pod in observed.pods if is_ready(pod)}
    serving = [
        name for name in ready if str(said.get(name, {}).get("stable")).startswith("sha256:")
    ]
    if condition(decide(observed).status, "Available")["status"] == "True":
        assert serving


@RESOURCES
@given(data=st.data())
def test_the_order_of_what_was_observed_changes_nothing(resource, data):
    observed = data.draw(observations(resource))
    shuffle = random.Random(data.draw(st.integers())).sample
    mixed = dataclasses.replace(
        observed,
        **{
            name: tuple(shuffle(getattr(observed, name), len(getattr(observed, name))))
            for name in ("pods", "proof_pods", "revisions", "served")
        },
        **{
            name: dict(shuffle(list(getattr(observed, name).items()), len(getattr(observed, name))))
            for name in ("children", "inputs", "models", "pipelines", "pipeline_revisions")
        },
    )
    assert decide(observed) == decide(mixed)


@RESOURCES
@given(data=st.data())
def test_a_second_look_at_the_same_gives_the_same_status(resource, data):
    observed = data.draw(observations(resource))
    first = decide(observed)
    later = dataclasses.replace(
        observed, resource={**observed.resource, "status": first.status}, now=observed.now + 100
    )
    assert [first.status, ()] == [decide(later).status, decide(later).notices]
