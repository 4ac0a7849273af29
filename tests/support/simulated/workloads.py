"""Simulated controllers of Deployments and Jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sentinel_core.ids import canonical_json
from sentinel_operator.services.plan import Object
from tests.support.simulated.kubelet import Pod

NewPod = Callable[[Object, Object, dict[str, str]], None]


def step_deployment(thing: dict[str, Any], pods: dict[str, Pod], new_pod: NewPod) -> None:
    """Bring the pods of a Deployment one step nearer to its spec, and say how far they are."""
    spec, uid = thing["spec"], thing["metadata"]["uid"]
    wanted = spec.get("replicas", 1)
    labels = {"pod-template-hash": hashlib.sha256(canonical_json(spec["template"])).hexdigest()[:8]}
    mine = [pod for pod in pods.values() if pod.owner == uid]
    live = [pod for pod in mine if not pod.deleted]
    new, old = [p for p in live if p.has(labels)], [p for p in live if not p.has(labels)]
    if spec["strategy"]["type"] == "Recreate":
        for pod in old:
            pod.delete()
        room = wanted if not any(not pod.has(labels) for pod in mine) else 0
    else:
        room = wanted + (1 if old else 0) - len(old)
        if old and sum(pod.ready for pod in live) > wanted:
            old[0].delete()
    for pod in new[max(wanted, 0) :]:
        pod.delete()
    for _ in range(min(room, wanted) - len(new)):
        new_pod(thing, spec["template"], labels)
    _say(thing, [pod for pod in pods.values() if pod.owner == uid and not pod.deleted], labels)


def _say(thing: dict[str, Any], live: list[Pod], labels: dict[str, str]) -> None:
    thing["status"] = {
        "observedGeneration": thing["metadata"]["generation"],
        "replicas": len(live),
        "updatedReplicas": sum(pod.has(labels) for pod in live),
        "readyReplicas": sum(pod.ready for pod in live),
    }


def step_job(thing: dict[str, Any], pods: dict[str, Pod], new_pod: NewPod, time: str) -> None:
    """Run the one pod of a Job, and say how it ended."""
    if thing.get("status", {}).get("conditions"):
        return
    mine = [pod for pod in pods.values() if pod.owner == thing["metadata"]["uid"]]
    if not mine and not thing.get("status"):
        name = thing["metadata"]["name"]
        new_pod(thing, thing["spec"]["template"], {"batch.kubernetes.io/job-name": name})
        thing["status"] = {"active": 1}
        return
    phase = mine[0].status["phase"] if mine else "Failed"
    if phase in ("Succeeded", "Failed"):
        ended = "Complete" if phase == "Succeeded" else "Failed"
        condition = {"type": ended, "status": "True", "lastTransitionTime": time}
        thing["status"] = {"conditions": [condition]}
