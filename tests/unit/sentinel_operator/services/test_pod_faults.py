"""What keeps a pod from running becomes the reason at once."""

import pytest

from sentinel_operator.services.pod_faults import find_bad_end, find_pod_fault


def build_pod(container=None, *, name="p", conditions=()):
    statuses = [] if container is None else [{"name": "server", "image": "i:1", **container}]
    status = {"conditions": list(conditions), "containerStatuses": statuses}
    return {"metadata": {"name": name}, "status": status}


def waiting(reason, message="", **more):
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(reason, code=1):
    return {"terminated": {"reason": reason, "exitCode": code}}


def reason_of(container):
    return find_pod_fault([build_pod(container)], "m").reason


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        (waiting("ErrImagePull", "not found"), "ImagePullFailed"),
        (waiting("ImagePullBackOff"), "ImagePullFailed"),
        (waiting("InvalidImageName"), "ImagePullFailed"),
        (waiting("ErrImageNeverPull"), "ImagePullFailed"),
        (waiting("CreateContainerConfigError", 'secret "keys" not found'), "SecretNotFound"),
        (waiting("CreateContainerConfigError", "no such user"), "ContainerConfigInvalid"),
        (waiting("CreateContainerError", "it fails"), "ContainerConfigInvalid"),
        (waiting("CrashLoopBackOff", lastState=ended("Error")), "CrashLooping"),
        (waiting("CrashLoopBackOff", lastState=ended("OOMKilled", 137)), "OOMKilled"),
        ({"state": ended("OOMKilled", 137)}, "OOMKilled"),
        ({"state": {"running": {}}, "lastState": ended("OOMKilled", 137)}, "OOMKilled"),
    ],
)
def test_each_cause_has_its_reason(container, reason):
    assert reason == reason_of(container)


def test_a_pod_that_no_node_takes_is_unschedulable():
    message = "0/2 nodes are available: 2 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    fault = find_pod_fault([build_pod(conditions=[{**condition, "message": message}])], "m")
    assert ("Unschedulable", f"Pod p: {message}") == (fault.reason, fault.message)


@pytest.mark.parametrize(
    "container",
    [
        None,
        waiting("ContainerCreating"),
        {"state": {"running": {}}},
        {"state": {"running": {}}, "ready": True, "lastState": ended("OOMKilled", 137)},
    ],
)
def test_nothing_is_wrong_with_a_pod_that_starts_or_runs(container):
    assert find_pod_fault([build_pod(container)], "m") is None


def test_an_image_that_cannot_be_had_is_told_alike_while_the_kubelet_waits_and_tries():
    cause = "failed to resolve: manifest unknown"
    tries = waiting("ErrImagePull", cause)
    waits = waiting("ImagePullBackOff", f'Back-off pulling image "i:1": ErrImagePull: {cause}')
    told = [find_pod_fault([build_pod(one)], "m") for one in (tries, waits)]
    assert told[0] == told[1]


def test_the_first_pod_by_name_is_told_of():
    pods = [
        build_pod(waiting("CrashLoopBackOff"), name="b"),
        build_pod(waiting("ErrImagePull"), name="a"),
    ]
    assert find_pod_fault(pods, "m").reason == "ImagePullFailed"


def test_the_action_names_the_resource():
    fault = find_pod_fault([build_pod(waiting("CrashLoopBackOff"))], "card-fraud")
    assert "sentinel.dev/resource=card-fraud" in fault.user_action


@pytest.mark.parametrize("state", ["state", "lastState"])
@pytest.mark.parametrize(
    ("reason", "code", "finished", "told"),
    [
        ("OOMKilled", 137, "2026-01-01T00:00:01Z", "OOMKilled"),
        ("Error", 139, "2026-01-01T00:00:01Z", "CrashLooping"),
        ("Error", 139, "2026-01-01T00:00:00Z", None),
        ("Completed", 0, "2026-01-01T00:00:01Z", None),
        ("ContainerStatusUnknown", 137, None, None),
    ],
)
def test_an_end_counts_that_was_bad_and_came_later(state, reason, code, finished, told):
    ended = {"terminated": {"reason": reason, "exitCode": code, "finishedAt": finished}}
    found = find_bad_end(
        {"status": {"containerStatuses": [{state: ended}]}}, "2026-01-01T00:00:00Z"
    )
    assert told == (found and found[0])
