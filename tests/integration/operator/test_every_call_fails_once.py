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

from tests.support.control_plane import PROGRAMS
from tests.support.faulty_world import faulty_world
from tests.support.missing import need_programs
from tests.support.operator_place import model
from tests.support.operator_process import PATIENCE_SECONDS, eventually

# It needs no nodes, but minutes of the whole machine: what does not answer in time counts as a fault.
pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FAULTS = ("refused", "throttled", "conflict", "lost", "cut", "unanswered")
SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "logins"
INPUTS = {("ConfigMap", "login-features"), ("ConfigMap", "login-rules")}
CRASHES_SECONDS = 300
"""For all crashes of a step, each of which takes a start of the operator."""


def make_model(namespace):
    return [model("a", namespace, replicas=2)]


def change_model(namespace):
    return [model("a", namespace, text="2", digest=f"sha256:{'2' * 64}", replicas=3)]


def make_pipeline(namespace, **changes):
    """Return the sample of logins, with changed texts."""
    for path in sorted(SAMPLE.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            document["metadata"]["namespace"] = namespace
            if document["kind"] == "SentinelPipeline":
                document["spec"] |= changes
            yield document


def change_pipeline(namespace):
    return make_pipeline(namespace, budgetMs=40)


STEPS = {"a model": (make_model, change_model), "a pipeline": (make_pipeline, change_pipeline)}


@pytest.fixture(scope="module")
def whole_world(tmp_path_factory):
    need_programs(*PROGRAMS)
    with faulty_world(tmp_path_factory.mktemp("faulty")) as world:
        yield world


@pytest.fixture
def world(whole_world):
    """A world in which nothing was made yet, and nothing is left in the end."""
    whole_world.made.clear()
    yield whole_world
    whole_world.stop_operator()
    whole_world.delete("")
    eventually(lambda: not whole_world.left(whole_world.made, INPUTS), "nothing is left")


@pytest.fixture(scope="module", params=STEPS.values(), ids=STEPS)
def without_fault(request, whole_world):
    """Return for each step what comes of it, and how many calls it takes, where none fails."""
    whole_world.start_operator()
    (namespace,) = whole_world.namespaces(1)
    found = {}
    for step in request.param:
        whole_world.proxy.fail(namespace, None, "refused")
        whole_world.take(step, [namespace])
        state = whole_world.settle(namespace)
        found[step] = state, len(whole_world.proxy.script(namespace).calls)
    whole_world.stop_operator()
    whole_world.delete(namespace)
    return found


def most_calls(without_fault):
    return max(calls for _, calls in without_fault.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_each_call_that_fails_leaves_the_same_state(world, without_fault, fault):
    places = world.namespaces(most_calls(without_fault))
    world.start_operator()
    for step, (expected, calls) in without_fault.items():
        for at, place in enumerate(places):
            world.proxy.fail(place, at if at < calls else None, fault)
        world.take(step, places)
        until = time.monotonic() + PATIENCE_SECONDS
        while world.states(places) != [expected] * len(places) and time.monotonic() < until:
            time.sleep(0.2)
        for at, state in enumerate(world.states(places)):
            assert (at, sorted(expected)) == (at, sorted(state))
            assert (at, expected) == (at, state)


def test_a_crash_at_each_call_leaves_the_same_state(world, without_fault):
    """The call is carried out, and whoever made it is gone."""
    places = world.namespaces(most_calls(without_fault))
    world.start_operator()
    crashes = 0

    def crash():
        world.operator.send(signal.SIGKILL)
        world.operator.wait()

    def overcome(expected):
        nonlocal crashes
        if world.operator.exit_code is not None:
            crashes += 1
            world.start_operator()
        return world.states(places) == [expected] * len(places)

    for step, (expected, calls) in without_fault.items():
        for at, place in enumerate(places):
            world.proxy.fail(place, at if at < calls else None, "hook", crash)
        world.take(step, places)
        eventually(
            lambda e=expected: overcome(e), "all is overcome", within_seconds=CRASHES_SECONDS
        )
    assert crashes > 0


def test_a_resource_deleted_at_each_call_leaves_nothing(world, without_fault):
    step, (expected, calls) = next(iter(without_fault.items()))
    places = world.namespaces(calls)
    world.start_operator()
    for at, place in enumerate(places):
        world.proxy.fail(place, at, "hook", lambda p=place: world.delete(p))
    world.take(step, places)

    def find_untouched():
        return [p for at, p in enumerate(places) if len(world.proxy.script(p).calls) <= at]

    def is_over():
        return all(state == expected for state in world.states(find_untouched()))

    # One that met no conflict on its way takes fewer calls than the one that was counted.
    eventually(is_over, "each call was made, or is not needed")
    assert len(find_untouched()) < len(places) / 4
    world.delete("")
    eventually(lambda: not world.left(places, INPUTS), "nothing is left")
