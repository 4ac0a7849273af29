"""Whatever call to the API server fails, in whatever way: in the end everything is the same.

First the calls are counted that making and changing a resource takes. Then each of them fails, in a
namespace of its own, and what comes of it is compared with what came of no failure.
"""

from __future__ import annotations

import json
import signal
import time

import pytest

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

KINDS = (
    "smodel,configmaps,deployments,services,serviceaccounts,networkpolicies,"
    "poddisruptionbudgets,controllerrevisions,jobs"
)
FAULTS = ("refused", "throttled", "conflict", "lost", "cut", "unanswered")
VARYING = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace")


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


@pytest.fixture
def new_operator(api, faulty, tmp_path):
    """Start replicas before the proxy, one after the other; they end with the test."""
    _, kubeconfig = faulty
    home = api.namespace("sentinel-system")
    settings = {"namespace": home, "api_call_seconds": "1"}
    started: list[OperatorProcess] = []

    def start():
        # A dead one's Lease would keep the next waiting for nine seconds.
        api.kubectl("delete", "lease", "--all", "--namespace", home)
        started.append(OperatorProcess(kubeconfig, tmp_path, settings))
        started[-1].start()
        return started[-1]

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture
def new_place(api, tmp_path):
    return lambda: Place(api, api.namespace("case"), tmp_path)


def state_of(place):
    """Everything that the operator makes, without what differs from one namespace to the next."""
    items = json.loads(place.kubectl("get", KINDS, "--output=json"))["items"]
    state = {}
    for item in items:
        metadata = {k: v for k, v in item["metadata"].items() if k not in VARYING}
        owners = metadata.pop("ownerReferences", [])
        # A digest over names and uids too.
        metadata.get("annotations", {}).pop("sentinel.dev/applied", None)
        metadata["owners"] = [(owner["kind"], owner["name"]) for owner in owners]
        for address in ("clusterIP", "clusterIPs"):
            item.get("spec", {}).pop(address, None)
        state[item["kind"], metadata.pop("name")] = {**item, "metadata": metadata}
    return state


def make(place):
    place.apply(model("a", place.namespace, replicas=2))


def change(place):
    place.apply(model("a", place.namespace, text="2", replicas=3))


def settled_state(place, step):
    """Take a step, and return what there is when nothing more happens."""
    step(place)
    states = [None, state_of(place)]

    def settled():
        states.append(state_of(place))
        status = states[-1].get(("SentinelModel", "a"), {}).get("status", {})
        return states[-1] == states[-2] and status.get("observedGeneration")

    eventually(settled, "nothing more happens")
    return states[-1]


def wait_for_state(place, expected):
    until = time.monotonic() + PATIENCE_SECONDS
    while state_of(place) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert expected == state_of(place)


@pytest.fixture
def without_fault(faulty, new_operator, new_place):
    """Return for each step what comes of it, and how many calls it takes, where none fails."""
    proxy, _ = faulty
    operator, place = new_operator(), new_place()
    found = {}
    for step in (make, change):
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
    for step, (expected, calls) in without_fault.items():
        crashed = set()
        for at, place in enumerate(places[:calls]):

            def crash(at=at, crashed=crashed):
                operators[-1].send(signal.SIGKILL)
                operators[-1].wait()
                crashed.add(at)

            proxy.fail(place.namespace, at, "hook", crash)
        for place in places:
            step(place)

        def overcome(calls=calls, crashed=crashed, expected=expected):
            if operators[-1].exit_code is not None:
                operators.append(new_operator())
            return len(crashed) == calls and all(state_of(place) == expected for place in places)

        eventually(overcome, "the crashes are overcome", within_seconds=300)


@pytest.mark.slow
def test_a_resource_deleted_at_each_call_leaves_nothing(
    faulty, new_operator, new_place, without_fault
):
    proxy, _ = faulty
    places = [new_place() for _ in range(without_fault[make][1])]
    new_operator()
    for at, place in enumerate(places):
        deletion = lambda p=place: p.kubectl("delete", "smodel", "a", "--wait=false")  # noqa: E731
        proxy.fail(place.namespace, at, "hook", deletion)
        make(place)
    for place in places:
        eventually(
            lambda p=place: set(state_of(p)) == {("ServiceAccount", "default")}, "nothing is left"
        )
