"""What keeps pods from running, in the words of their containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Object

_NO_IMAGE = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "ImageInspectError", "RegistryUnavailable",
})  # fmt: skip
_NO_CONTAINER = frozenset({
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
})  # fmt: skip
"""Words of the kubelet for a container that waits (Kubernetes, pkg/kubelet/images and kuberuntime)."""
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: \w+: )?')
"""Which the kubelet puts before the error while it waits, and takes away while it tries again."""
_SECRET = re.compile(r'secret "[^"]*" not found')


def find_pod_fault(pods: Iterable[Object], resource: str) -> Fault | None:
    """Return why a pod cannot run, the first by name; None where nothing is wrong with any."""
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"])):
        found = _fault_of(pod)
        if found is not None:
            reason, message = found
            return find_fault(reason, f"Pod {pod['metadata']['name']}: {message}", resource)
    return None


def find_bad_end(pod: Object, since: str) -> tuple[str, str] | None:
    """Return reason and message where a container of a pod ended badly after a time.

    A process that is killed says nothing itself. An end in the same second counts as before it: what
    kills a pod kills it again.

    Parameters
    ----------
    since : as Kubernetes writes times, in UTC and whole seconds, so that their order is that of texts
    """
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        for state in ("state", "lastState"):
            ended = (container.get(state) or {}).get("terminated") or {}
            if ended.get("exitCode") and (ended.get("finishedAt") or "") > since:
                return _words_of(ended)
    return None


def _fault_of(pod: Object) -> tuple[str, str] | None:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return "Unschedulable", condition.get("message", "")
    for container in status.get("containerStatuses") or ():
        found = _container_fault(container)
        if found is not None:
            return found
    return None


def _container_fault(container: Mapping[str, Any]) -> tuple[str, str] | None:
    if container.get("ready"):
        return None
    state = container.get("state") or {}
    word = (state.get("waiting") or {}).get("reason", "")
    message = (state.get("waiting") or {}).get("message", "")
    if word in _NO_IMAGE:
        cause = _BACK_OFF.sub("", message)
        return "ImagePullFailed", f"no image {container.get('image')}. {cause}".strip()
    if word in _NO_CONTAINER:
        reason = "SecretNotFound" if _SECRET.search(message) else "ContainerConfigInvalid"
        return reason, message
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if ended.get("reason") == "OOMKilled" or word == "CrashLoopBackOff":
        return _words_of(ended)
    return None


def _words_of(ended: Mapping[str, Any]) -> tuple[str, str]:
    if ended.get("reason") == "OOMKilled":
        return "OOMKilled", "it used more memory than its limit"
    return "CrashLooping", f"it ended with code {ended.get('exitCode')}"
