"""What Deployment controller, Job controller, kubelet and our servers do, without any of them.

On an API server without nodes somebody has to make the pods. These have no processes: each answers
``GET /served`` on port 3002 of a loopback address of its own, with what its ConfigMap told it when its
kubelet last looked: when it began, and whenever an annotation of it changed.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from sentinel_core.ids import digest_bytes
from tests.support.api_session import ApiSession

PORT = 3002
LOOK_SECONDS = 0.1
OURS = {"labelSelector": "sentinel.dev/resource"}
JOB_LABEL = "batch.kubernetes.io/job-name"
Object = dict[str, Any]


@dataclass(slots=True)
class SimulatedPod:
    """One pod of a Deployment, by what it says and to whom it belongs."""

    deployment: str
    template: str
    address: str
    annotations: dict[str, str]
    report: Object
    runner: web.AppRunner


@dataclass(slots=True)
class SimulatedPods:
    """Keeps pods as Deployments and Jobs want them.

    Attributes
    ----------
    verdict : of a proof, by the digest that the Job is to prove
    report : what a pod says instead of what it was told; by its report
    """

    api: ApiSession
    verdict: Callable[[str], Object] = lambda digest: {"verdict": "Proven", "digest": digest}
    report: Callable[[Object], Object] = lambda report: report
    pods: dict[tuple[str, str], SimulatedPod] = field(default_factory=dict)

    async def run(self) -> None:
        """Look at the cluster again and again."""
        while True:
            # What is being deleted under us is gone at the next look.
            with suppress(aiohttp.ClientError):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Bring pods and statuses to what Deployments and Jobs ask for now."""
        deployments = await self.api.list("/apis/apps/v1/deployments", OURS)
        pods = await self.api.list("/api/v1/pods", OURS)
        jobs = await self.api.list("/apis/batch/v1/jobs", OURS)
        there = {_key(pod): pod for pod in pods}
        wanted: dict[tuple[str, str], Object] = {}
        for deployment in deployments:
            namespace, name = _key(deployment)
            replicas = range(deployment["spec"].get("replicas", 1))
            wanted |= {(namespace, f"{name}-{number}"): deployment for number in replicas}
        for key in [key for key in self.pods if key not in there]:
            await self.pods.pop(key).runner.cleanup()
        for key, pod in there.items():
            if JOB_LABEL not in pod["metadata"]["labels"]:
                await self._keep(key, pod, wanted.get(key))
        for key, deployment in wanted.items():
            if key not in there:
                await self._begin(key, deployment)
        for deployment in deployments:
            await self._say_status(deployment)
        for job in jobs:
            await self._prove(job, there)

    async def _keep(self, key: tuple[str, str], pod: Object, deployment: Object | None) -> None:
        known = self.pods.get(key)
        if known is None:
            return
        if deployment is None or known.template != _template_of(deployment):
            await self.api.delete(f"/api/v1/namespaces/{key[0]}/pods/{key[1]}")
            return
        annotations = pod["metadata"].get("annotations") or {}
        if annotations != known.annotations:
            known.annotations = annotations
            known.report = await self._read_projection(key[0], known.deployment)

    async def _begin(self, key: tuple[str, str], deployment: Object) -> None:
        namespace, name = key
        template = deployment["spec"]["template"]
        metadata = {"name": name, "namespace": namespace, "labels": template["metadata"]["labels"]}
        metadata["ownerReferences"] = [_owner(deployment, "Deployment")]
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        await self.api.create(f"/api/v1/namespaces/{namespace}/pods", body)
        report = await self._read_projection(namespace, deployment["metadata"]["name"])
        runner, address = await self._serve(key)
        self.pods[key] = SimulatedPod(
            deployment["metadata"]["name"], _template_of(deployment), address, {}, report, runner
        )
        container = {
            "name": template["spec"]["containers"][0]["name"],
            "image": "simulated",
            "imageID": "simulated",
            "containerID": f"simulated://{address}",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {}},
        }
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container],
        }
        await self.api.merge_status(f"/api/v1/namespaces/{namespace}/pods/{name}", status)

    async def _serve(self, key: tuple[str, str]) -> tuple[web.AppRunner, str]:
        async def served(_: web.Request) -> web.Response:
            return web.json_response(self.report(self.pods[key].report))

        application = web.Application()
        application.router.add_get("/served", served)
        runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        while True:
            address = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
            with suppress(OSError):
                await web.TCPSite(runner, address, PORT).start()
                return runner, address

    async def _read_projection(self, namespace: str, name: str) -> Object:
        config = await self.api.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        data = (config or {}).get("data") or {}
        report: Object = {"stable": None, "candidate": None, "percent": 0.0, "state": "Starting"}
        if "artifacts.json" in data:
            # What another test applied by hand need not name an artifact.
            default = json.loads(data["artifacts.json"]).get("default") or {}
            report["stable"] = default.get("digest")
        for arm in ("stable", "candidate"):
            if f"{arm}.json" in data:
                report[arm] = digest_bytes(data[f"{arm}.json"].encode())
        return report | ({"state": "Ready"} if report["stable"] else {})

    async def _say_status(self, deployment: Object) -> None:
        namespace, name = _key(deployment)
        current = [
            pod
            for (its_namespace, _), pod in self.pods.items()
            if (its_namespace, pod.deployment) == (namespace, name)
            and pod.template == _template_of(deployment)
        ]
        status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status |= dict.fromkeys(counts, len(current)) if current else {}
        now = {k: v for k, v in (deployment.get("status") or {}).items() if k in (*counts, *status)}
        if now != status:
            path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
            await self.api.merge_status(path, status)

    async def _prove(self, job: Object, there: dict[tuple[str, str], Object]) -> None:
        namespace, name = _key(job)
        key = (namespace, f"{name}-0")
        if key in there:
            return
        template = job["spec"]["template"]
        labels = {**template["metadata"]["labels"], JOB_LABEL: name}
        metadata = {"name": key[1], "namespace": namespace, "labels": labels}
        metadata["ownerReferences"] = [_owner(job, "Job")]
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        await self.api.create(f"/api/v1/namespaces/{namespace}/pods", body)
        arguments = template["spec"]["containers"][0]["args"]
        digest = next(word for word in arguments if word.startswith("sha256:"))
        verdict = self.verdict(digest)
        code = 0 if verdict["verdict"] == "Proven" else 1
        ended = {"exitCode": code, "message": json.dumps(verdict), "reason": "Completed"}
        container = {
            "name": template["spec"]["containers"][0]["name"],
            "image": "simulated",
            "imageID": "simulated",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container]}
        await self.api.merge_status(f"/api/v1/namespaces/{namespace}/pods/{key[1]}", status)


def _key(thing: Object) -> tuple[str, str]:
    return thing["metadata"]["namespace"], thing["metadata"]["name"]


def _template_of(deployment: Object) -> str:
    return json.dumps(deployment["spec"]["template"], sort_keys=True)


def _owner(thing: Object, kind: str) -> Object:
    version = {"Job": "batch/v1", "Deployment": "apps/v1"}[kind]
    metadata = thing["metadata"]
    return {"apiVersion": version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}


@contextmanager
def simulated_pods(kubeconfig: Path) -> Iterator[SimulatedPods]:
    """Simulate pods for as long as this is open."""
    started: Future[tuple[SimulatedPods, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_run(kubeconfig, started)), daemon=True)
    thread.start()
    pods, stop = started.result(timeout=30)
    try:
        yield pods
    finally:
        stop()
        thread.join()


async def _run(kubeconfig: Path, started: Future[tuple[SimulatedPods, Callable[[], None]]]) -> None:
    async with ApiSession.open(kubeconfig) as api:
        pods = SimulatedPods(api)
        looking = asyncio.create_task(pods.run())
        loop = asyncio.get_running_loop()
        started.set_result((pods, lambda: loop.call_soon_threadsafe(looking.cancel)))
        with suppress(asyncio.CancelledError):
            await looking
        await asyncio.gather(*(pod.runner.cleanup() for pod in pods.pods.values()))
