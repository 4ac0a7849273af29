"""Objects, and the controllers and kubelets that act on them, one step at a time.

It holds what the operator's decisions rest on: generations, owners, rolling updates, mounted ConfigMaps
that go stale until a pod is touched, Jobs that end. The API server's own checks are not here; they are
tried against a real one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.model import reconcile_model
from sentinel_operator.services.pipeline import reconcile_pipeline
from sentinel_operator.services.plan import Name, Object, Observed, Plan, Served
from tests.support.simulated.kubelet import Kubelet, Pod
from tests.support.simulated.servers import World
from tests.support.simulated.workloads import step_deployment, step_job

NAMESPACE = "payments"
DEFAULTS = Defaults("sentinel.local/bento:dev", "IfNotPresent", "sentinel-system")
DECIDE = {"SentinelModel": reconcile_model, "SentinelPipeline": reconcile_pipeline}
RESOURCES = tuple(DECIDE)
STEP_SECONDS = 0.5


@dataclass
class SimulatedCluster:
    """A namespace with an operator that can be asked to reconcile.

    Attributes
    ----------
    writes : what the operator wrote, as verb, kind and name, since it was last cleared
    history : every status that a resource was given, by its name
    refuse : what the API server refuses to apply, with its words
    mute : names of pods that the operator cannot reach
    """

    world: World = field(default_factory=World)
    objects: dict[Name, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    now: float = 1_700_000_000.0
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    history: dict[str, list[Object]] = field(default_factory=dict)
    refuse: dict[Name, str] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    # People

    def put(self, *things: dict[str, Any]) -> None:
        """Apply objects, as a person does."""
        for thing in things:
            self._store(copy.deepcopy(thing))

    def remove(self, kind: str, name: str) -> None:
        """Delete an object with all that it owns."""
        gone = self.objects.pop((kind, name))
        uid = gone["metadata"]["uid"]
        for key, thing in list(self.objects.items()):
            if any(one["uid"] == uid for one in thing["metadata"].get("ownerReferences", ())):
                self.remove(*key)
        for pod in self.pods.values():
            if pod.owner == uid:
                pod.delete()

    def status(self, kind: str, name: str) -> dict[str, Any]:
        """Return the status of a resource."""
        return self.objects[kind, name].get("status", {})

    def condition(self, kind: str, name: str, type_: str) -> tuple[str, str]:
        """Return status and reason of a condition."""
        (found,) = [c for c in self.status(kind, name)["conditions"] if c["type"] == type_]
        return found["status"], found["reason"]

    # The operator

    def observe(self, kind: str, name: str) -> Observed:
        """Return what a round of the operator would see."""
        labels = {"sentinel.dev/kind": kind, "sentinel.dev/resource": name}
        pods = [pod.thing for pod in self.pods.values() if pod.has(labels)]
        jobs = "batch.kubernetes.io/job-name"
        ours = {key: thing for key, thing in self.objects.items() if _has(thing, labels)}
        pipelines = self._of_kind("SentinelPipeline")
        return Observed(
            resource=self.objects[kind, name],
            children={key: one for key, one in ours.items() if _is_child(key)},
            pods=tuple(pod for pod in pods if jobs not in pod["metadata"]["labels"]),
            proof_pods=tuple(pod for pod in pods if jobs in pod["metadata"]["labels"]),
            inputs=self._of_kind("ConfigMap"),
            models=self._of_kind("SentinelModel"),
            pipelines=pipelines,
            pipeline_revisions={name: self._revisions(name) for name in pipelines},
            revisions=self._revisions(name),
            served=tuple(self._answers(pods)),
            apis=frozenset(),
            now=self.now,
        )

    def reconcile(self, kind: str, name: str) -> Plan:
        """Run one round for a resource."""
        observed = self.observe(kind, name)
        plan = DECIDE[kind](observed, DEFAULTS)
        named = {_key(one) for one in (*plan.apply, *plan.create)} - observed.children.keys()
        found = {key: self.objects[key] for key in named if key in self.objects and _is_child(key)}
        if found:  # names that are taken, as the reconciler looks for them
            observed = replace(observed, children={**observed.children, **found})
            plan = DECIDE[kind](observed, DEFAULTS)
        refused = {key: words for key, words in self.refuse.items() if _applies(plan, key)}
        for thing in plan.apply:
            if _key(thing) not in refused:
                self._apply(thing)
        if refused:
            plan = DECIDE[kind](replace(observed, refused=refused), DEFAULTS)
        else:
            self._carry_out(plan)
        self._write_status(kind, name, plan)
        return plan

    def _carry_out(self, plan: Plan) -> None:
        for thing in plan.create:
            if _key(thing) not in self.objects:
                self._store(copy.deepcopy(dict(thing)))
                self.writes.append(("create", *_key(thing)))
        for key in plan.delete:
            if key in self.objects:
                self.remove(*key)
                self.writes.append(("delete", *key))
        if plan.scale is not None:
            self._scale(plan.scale.deployment, plan.scale.replicas)
        for touch in plan.touch:
            if touch.pod in self.pods:
                self.pods[touch.pod].touch(touch.annotation, touch.value)
                self.writes.append(("touch", "Pod", touch.pod))

    # Time

    def step(self) -> None:
        """Let every controller and kubelet act once, and time pass."""
        self.now += STEP_SECONDS
        for (kind, _), thing in list(self.objects.items()):
            if kind == "Deployment":
                step_deployment(thing, self.pods, self._new_pod)
            elif kind == "Job":
                step_job(thing, self.pods, self._new_pod, self.time)
        kubelet = Kubelet(self.world, self._config_maps(), self.now)
        for name, pod in list(self.pods.items()):
            if kubelet.step(pod):
                del self.pods[name]

    def settle(self, seconds: float = 60.0) -> None:
        """Reconcile every resource and let time pass, over and over."""
        for _ in range(int(seconds / STEP_SECONDS)):
            self.pass_by()

    def pass_by(self) -> None:
        """Reconcile every resource once, then let a step of time pass."""
        for kind, name in [key for key in self.objects if key[0] in RESOURCES]:
            self.reconcile(kind, name)
        self.step()

    @property
    def time(self) -> str:
        """Now, as Kubernetes writes times."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # The API server

    def _store(self, thing: dict[str, Any]) -> None:
        metadata = thing["metadata"]
        live = self.objects.get(_key(thing))
        kept = live["metadata"] if live else {}
        metadata["namespace"] = NAMESPACE
        metadata["uid"] = kept.get("uid") or f"uid-{next(self._numbers)}"
        metadata["creationTimestamp"] = kept.get("creationTimestamp") or self.time
        changed = live is None or live.get("spec") != thing.get("spec")
        metadata["generation"] = kept.get("generation", 0) + (1 if changed else 0)
        if live is not None and "status" in live:
            thing["status"] = live["status"]
        self.objects[_key(thing)] = thing

    def _apply(self, wanted: Object) -> None:
        live = self.objects.get(_key(wanted))
        if live is not None and live["applied"] == wanted:
            return
        thing = copy.deepcopy(dict(wanted))
        if live is not None and "replicas" in live.get("spec", {}):
            thing["spec"]["replicas"] = live["spec"]["replicas"]
        if live is not None and wanted["kind"] == "ControllerRevision":
            assert live["data"] == wanted["data"], "the data of a revision cannot be changed"
        self._store(thing)
        thing["applied"] = copy.deepcopy(wanted)
        self.writes.append(("apply", *_key(wanted)))

    def _scale(self, name: str, replicas: int) -> None:
        deployment = self.objects["Deployment", name]
        if deployment["spec"].get("replicas", 1) != replicas:
            deployment["spec"]["replicas"] = replicas
            deployment["metadata"]["generation"] += 1
            self.writes.append(("scale", "Deployment", name))

    def _write_status(self, kind: str, name: str, plan: Plan) -> None:
        resource = self.objects[kind, name]
        if resource.get("status", {}) != plan.status:
            # A new object, as a write to the API server gives.
            self.objects[kind, name] = {**resource, "status": copy.deepcopy(plan.status)}
            self.writes.append(("status", kind, name))
            self.history.setdefault(name, []).append(plan.status)

    def _new_pod(self, owner: Object, template: Object, labels: dict[str, str]) -> None:
        number = next(self._numbers)
        name = f"{owner['metadata']['name']}-{number}"
        self.pods[name] = Pod.make(
            name, f"uid-{number}", owner["metadata"]["uid"], template, labels
        )

    def _config_maps(self) -> dict[str, dict[str, str]]:
        return {name: one.get("data", {}) for name, one in self._of_kind("ConfigMap").items()}

    def _of_kind(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: thing for (found, name), thing in self.objects.items() if found == kind}

    def _revisions(self, pipeline: str) -> tuple[Object, ...]:
        labels = {"sentinel.dev/resource": pipeline}
        found = self._of_kind("ControllerRevision").values()
        return tuple(one for one in found if _has(one, labels))

    def _answers(self, pods: list[dict[str, Any]]) -> Iterator[Served]:
        for thing in pods:
            pod = self.pods[thing["metadata"]["name"]]
            if pod.running and not pod.deleted and pod.server is not None:
                yield Served(pod.name, None if pod.name in self.mute else pod.server.report())


def _key(thing: Object) -> Name:
    return thing["kind"], thing["metadata"]["name"]


def _has(thing: Object, labels: dict[str, str]) -> bool:
    return labels.items() <= (thing["metadata"].get("labels") or {}).items()


def _applies(plan: Plan, key: Name) -> bool:
    return key in map(_key, plan.apply)


def _is_child(key: Name) -> bool:
    return key[0] != "ControllerRevision"
