"""Whatever call to the API server fails, in whatever way: in the end everything is the same.

First the calls are counted that making and changing a resource takes. Then each of them fails, in a
namespace of its own, and what comes of it is compared with what came of no failure.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import yaml

from tests.support.control_plane import PROGRAMS, running_control_plane
from tests.support.faulty_api import faulty_api
from tests.support.missing import need_programs
from tests.support.operator_place import Place, model
from tests.support.operator_process import (
    PATIENCE_SECONDS,
    OperatorProcess,
    eventually,
    install_crds,
)
from tests.support.simulated_pods import simulated_pods

# It needs no nodes, but minutes of the whole machine: what does not answer in time counts as a fault.
pytestmark = pytest.mark.cluster

KINDS = (
    "smodel,spipe,configmaps,deployments,services,serviceaccounts,networkpolicies,"
    "poddisruptionbudgets,controllerrevisions,jobs"
)
FAULTS = ("refused", "throttled", "conflict", "lost", "cut", "unanswered")
SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "logins"
# What differs from one namespace to the next, and from one time to the next.
VARYING = {
    "uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace", "generation",
    "clusterIP", "clusterIPs", "lastTransitionTime", "since", "time", "observedGeneration",
    "sentinel.dev/applied", "sentinel.dev/since",
    "controller-uid", "batch.kubernetes.io/controller-uid",
}  # fmt: skip


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A control plane that collects the children of what was deleted."""
    need_programs(*PROGRAMS)
    folder = tmp_path_factory.mktemp("faulty")
    with running_control_plane(folder, controllers=["garbage-collector-controller"]) as running:
        install_crds(running.kubectl)
        yield running


@pytest.fixture(scope="module")
def faulty(api, tmp_path_factory):
    kubeconfig = tmp_path_factory.mktemp("proxy") / "kubeconfig"
    with faulty_api(api.kubeconfig, kubeconfig) as proxy:
        yield proxy, kubeconfig


@pytest.fixture(scope="module")
def pods(api):
    with simulated_pods(api.kubeconfig):
        yield


@pytest.fixture(scope="module")
def new_operator(api, faulty, tmp_path_factory):
    """Start replicas behind the proxy, each when the one before is gone."""
    _, kubeconfig = faulty
    folder = tmp_path_factory.mktemp("operator")
    home = api.namespace("sentinel-system")
    settings = {"namespace": home, "api_call_seconds": "1"}
    started: list[OperatorProcess] = []

    def start():
        for before in started:
            before.stop()
        # A dead one's Lease would keep the next waiting for nine seconds.
        api.kubectl("delete", "lease", "--all", "--namespace", home)
        started.append(OperatorProcess(kubeconfig, folder, settings))
        started[-1].start()
        return started[-1]

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture(scope="module")
def new_place(api, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    return lambda: Place(api, api.namespace("case"), folder)


def state_of(place):
    """Everything that is there, without what varies, by kind and name."""
    items = [without_varying(item, place.namespace) for item in place.list(KINDS)]
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


def without_varying(value, namespace):
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in VARYING}
        return {key: without_varying(inner, namespace) for key, inner in kept.items()}
    if isinstance(value, list):
        return [without_varying(inner, namespace) for inner in value]
    return value.replace(namespace, "NAMESPACE") if isinstance(value, str) else value


def make_model(place):
    place.apply(model("a", place.namespace, replicas=2))


def change_model(place):
    digest = f"sha256:{'2' * 64}"
    place.apply(model("a", place.namespace, text="2", digest=digest, replicas=3))


def pipeline(place, **changes):
    """Return the sample of logins, with changed texts."""
    for path in sorted(SAMPLE.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            document["metadata"]["namespace"] = place.namespace
            if document["kind"] == "SentinelPipeline":
                document["spec"] |= changes
            yield document


def make_pipeline(place):
    place.apply(*pipeline(place))


def change_pipeline(place):
    place.apply(*pipeline(place, budgetMs=40))


STEPS = {"a model": (make_model, change_model), "a pipeline": (make_pipeline, change_pipeline)}


def settled_state(place, step):
    """Take a step, and return what there is when all is ready and nothing more happens."""
    step(place)
    states = [None, state_of(place)]

    def settled():
        states.append(state_of(place))
        return is_ready(place) and states[-1] == states[-2] == states[-3]

    eventually(settled, "nothing more happens")
    return states[-1]


def is_ready(place):
    return [
        item["status"]["observedGeneration"] == item["metadata"]["generation"]
        for item in place.list("smodel,spipe")
        if item.get("status", {}).get("phase") == "Ready"
    ] == [True]


def wait_for_state(place, expected):
    until = time.monotonic() + PATIENCE_SECONDS
    while state_of(place) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert expected == state_of(place)


@pytest.fixture(scope="module", params=STEPS.values(), ids=STEPS)
def without_fault(request, faulty, pods, new_operator, new_place):
    """Return for each step what comes of it, and how many calls it takes, where none fails."""
    proxy, _ = faulty
    operator, place = new_operator(), new_place()
    found = {}
    for step in request.param:
        proxy.fail(place.namespace, None, "refused")
        found[step] = settled_state(place, step), len(proxy.script(place.namespace).calls)
    operator.stop()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_each_call_that_fails_leaves_the_same_state(
    faulty, new_operator, new_place, without_fault, fault
):
    proxy, _ = faulty
    places = [new_place() for _ in range(max(calls for _, calls in without_fault.values()))]
    new_operator()
    for step, (expected, calls) in without_fault.items():
        for at, place in enumerate(places):
            proxy.fail(place.namespace, at if at < calls else None, fault)
            step(place)
        for place in places:
            wait_for_state(place, expected)


@pytest.mark.slow
def test_a_crash_at_each_call_leaves_the_same_state(faulty, new_operator, new_place, without_fault):
    """The call is carried out, and whoever made it is gone."""
    proxy, _ = faulty
    places = [new_place() for _ in range(max(calls for _, calls in without_fault.values()))]
    operators = [new_operator()]

    def crash():
        operators[-1].send(signal.SIGKILL)
        operators[-1].wait()

    def overcome(expected):
        if operators[-1].exit_code is not None:
            operators.append(new_operator())
        return all(state_of(place) == expected for place in places)

    for step, (expected, calls) in without_fault.items():
        for at, place in enumerate(places):
            proxy.fail(place.namespace, at if at < calls else None, "hook", crash)
        for place in places:
            step(place)
        eventually(lambda e=expected: overcome(e), "all is overcome", within_seconds=300)
    assert len(operators) > 1


@pytest.mark.slow
def test_a_resource_deleted_at_each_call_leaves_nothing(
    faulty, new_operator, new_place, without_fault
):
    proxy, _ = faulty
    step, (_, calls) = next(iter(without_fault.items()))
    places = [new_place() for _ in range(calls)]
    new_operator()
    for at, place in enumerate(places):
        deletion = lambda p=place: p.kubectl("delete", "smodel,spipe", "--all", "--wait=false")  # noqa: E731
        proxy.fail(place.namespace, at, "hook", deletion)
        step(place)
    for place in places:
        eventually(lambda p=place: not left(p), "nothing is left")


def left(place):
    """Return what the operator, or others for it, made; not what a person did."""
    items = place.list(f"{KINDS},pods")
    names = [(item["kind"], item["metadata"]["name"]) for item in items]
    return [name for name in names if name != ("ServiceAccount", "default") and not is_input(name)]


def is_input(name):
    return name in {("ConfigMap", "login-features"), ("ConfigMap", "login-rules")}
