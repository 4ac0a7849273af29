"""Simulated pods and the kubelet that runs them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel_operator.services.plan import Object
from tests.support.simulated.servers import DecisionServer, ModelServer, World, verdict_of

REFRESH_SECONDS = 60.0
"""Between two looks at a mounted ConfigMap, unless the pod is touched."""


@dataclass
class Pod:
    """A pod, what runs in it, and what it has mounted."""

    name: str
    owner: str
    thing: dict[str, Any]
    spec: Object
    labels: dict[str, str]
    server: DecisionServer | ModelServer | None = None
    mounted: Mapping[str, str] | None = None
    mounted_at: float = 0.0
    seen: dict[str, str] = field(default_factory=dict)
    started_at: float | None = None

    @classmethod
    def make(cls, name: str, uid: str, owner: str, template: Object, labels: dict[str, str]) -> Pod:
        every = {**template["metadata"]["labels"], **labels}
        metadata = {"name": name, "uid": uid, "labels": every, "annotations": {}}
        thing = {"kind": "Pod", "metadata": metadata, "status": {"phase": "Pending"}}
        return cls(name, owner, thing, template["spec"], labels)

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.thing["status"]
        return status

    @property
    def deleted(self) -> bool:
        return "deletionTimestamp" in self.thing["metadata"]

    @property
    def running(self) -> bool:
        return bool(self.status["phase"] == "Running")

    @property
    def ready(self) -> bool:
        return {"type": "Ready", "status": "True"} in self.status.get("conditions", [])

    @property
    def container(self) -> Object:
        (container,) = self.spec["containers"]
        found: Object = container
        return found

    def has(self, labels: Mapping[str, str]) -> bool:
        return labels.items() <= self.thing["metadata"]["labels"].items()

    def delete(self) -> None:
        self._change(metadata={"deletionTimestamp": "now"})

    def touch(self, annotation: str, value: str) -> None:
        annotations = {**self.thing["metadata"]["annotations"], annotation: value}
        self._change(metadata={"annotations": annotations})

    def say(self, **status: Any) -> None:
        self._change(status=status)

    def _change(self, **parts: dict[str, Any]) -> None:
        # Whoever has observed the pod keeps what was observed.
        self.thing = copy.deepcopy(self.thing)
        for part, values in parts.items():
            self.thing[part] |= values


@dataclass(frozen=True)
class Kubelet:
    """Runs pods on what lies in the cluster and outside of it."""

    world: World
    config_maps: Mapping[str, Mapping[str, str]]
    now: float

    def step(self, pod: Pod) -> bool:
        """Let a pod act; return whether it is gone."""
        if pod.deleted:
            return True
        image = self.world.images.get(pod.container["image"])
        if image is not None and pod.status["phase"] != "Failed":
            self._fail(pod, image)
        elif "batch.kubernetes.io/job-name" in pod.labels:
            self._step_proof(pod)
        else:
            self._step_server(pod)
        return False

    def _fail(self, pod: Pod, how: str) -> None:
        waiting = {"pull": "ImagePullBackOff"}.get(how, "CrashLoopBackOff")
        ended = {"reason": "OOMKilled" if how == "oom" else "Error", "exitCode": 137}
        container = {
            "name": "server", "image": pod.container["image"], "ready": False,
            "state": {"waiting": {"reason": waiting, "message": "it waits"}},
            "lastState": {} if how == "pull" else {"terminated": ended},
        }  # fmt: skip
        pod.say(phase="Pending", conditions=[], containerStatuses=[container])

    def _step_proof(self, pod: Pod) -> None:
        if pod.started_at is None:
            pod.started_at = self.now
            container = {"imageID": "sha256:1", "state": {"running": {}}}
            pod.say(phase="Running", containerStatuses=[container])
            return
        if pod.status["phase"] != "Running":
            return
        digest = pod.container["args"][pod.container["args"].index("--digest") + 1]
        outcome = self.world.verdicts.get(digest, "Proven")
        if outcome != "hangs":
            ended = verdict_of(outcome, digest)
            phase = "Succeeded" if ended["exitCode"] == 0 else "Failed"
            pod.say(phase=phase, containerStatuses=[{"state": {"terminated": ended}}])
        elif self.now - pod.started_at > pod.spec["activeDeadlineSeconds"]:
            killed = {"exitCode": 137, "reason": "Error"}
            container = {"imageID": "sha256:1", "state": {"terminated": killed}}
            pod.say(phase="Failed", reason="DeadlineExceeded", containerStatuses=[container])

    def _step_server(self, pod: Pod) -> None:
        if pod.server is None:
            made = DecisionServer if pod.container["args"] == ["decision"] else ModelServer
            pod.server = made(self.world)
            pod.say(phase="Running", conditions=[], containerStatuses=[{"ready": False}])
            self._mount(pod)
            return
        touched = pod.seen != pod.thing["metadata"]["annotations"]
        if touched or self.now - pod.mounted_at >= REFRESH_SECONDS:
            self._mount(pod)
        pod.server.take_up(pod.mounted or {})
        ready = pod.server.stable is not None
        if ready != pod.ready:
            condition = {"type": "Ready", "status": str(ready)}
            pod.say(conditions=[condition], containerStatuses=[{"ready": ready}])

    def _mount(self, pod: Pod) -> None:
        (name,) = [one["configMap"]["name"] for one in pod.spec["volumes"] if "configMap" in one]
        pod.mounted = copy.deepcopy(dict(self.config_maps[name]))
        pod.mounted_at = self.now
        pod.seen = dict(pod.thing["metadata"]["annotations"])
