"""The server of a resource: its objects, and how far its Deployment has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sentinel_operator.builders.autoscaler import build_autoscaler
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.config_map import build_config_map
from sentinel_operator.builders.deployment import Pod, build_deployment, has_template_of
from sentinel_operator.builders.disruption_budget import build_disruption_budget
from sentinel_operator.builders.network_policy import build_network_policy
from sentinel_operator.builders.pod import mounted_stores
from sentinel_operator.builders.ports import GRPC_PORT, HTTP_PORT
from sentinel_operator.builders.service import build_pods_service, build_service
from sentinel_operator.builders.service_account import build_service_account
from sentinel_operator.builders.service_monitor import API as SERVICE_MONITOR_API
from sentinel_operator.builders.service_monitor import build_service_monitor
from sentinel_operator.services.children import is_ours
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Object, Observed, Scale
from sentinel_operator.services.pod_faults import find_pod_fault
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.status import Judgement


def build_server(  # noqa: PLR0913 - by keyword; what a server is made of
    child: Child,
    pod: Pod,
    *,
    data: Mapping[str, str],
    defaults: Defaults,
    apis: frozenset[str],
    model_servers: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """Build every object of a server, in the order in which they are applied.

    The ConfigMap comes before the Deployment that mounts it.

    Parameters
    ----------
    data : of the ConfigMap by which pods are told what to serve
    model_servers : names of SentinelModels that are called
    """
    objects = [
        build_service_account(child),
        build_config_map(child, data),
        build_service(child),
        build_pods_service(child),
        build_disruption_budget(child),
    ]
    if pod.server.network_policy.enabled:
        policy = build_network_policy(
            child,
            pod.server.network_policy,
            operator_namespace=defaults.operator_namespace,
            model_servers=model_servers,
        )
        objects.append(policy)
    objects.append(build_deployment(child, pod))
    if pod.server.autoscaling is not None:
        objects.append(build_autoscaler(child, pod.server.autoscaling))
    if SERVICE_MONITOR_API in apis:
        objects.append(build_service_monitor(child, defaults.monitor_labels))
    return objects


@dataclass(frozen=True, slots=True)
class ServerState:
    """How far a server has come.

    Attributes
    ----------
    pod : what its pods should run; with Secrets that are still mounted, see `_keep_mounts`
    deployment : as it is; None where there is none of ours
    is_taken : whether somebody else has a Deployment of the name
    """

    child: Child
    pod: Pod
    deployment: Object | None
    pods: Pods
    is_taken: bool

    @classmethod
    def of(cls, child: Child, observed: Observed, pods: Pods, pod: Pod) -> ServerState:
        """Read it from an observation; ``pod`` is what its pods need to run."""
        there = observed.children.get(("Deployment", child.name))
        deployment = there if there is not None and is_ours(there, child.uid) else None
        is_taken = there is not deployment
        return cls(child, _keep_mounts(child, pod, deployment), deployment, pods, is_taken)

    @property
    def scale(self) -> Scale | None:
        """What is to be written to the scale subresource; an autoscaler writes it itself."""
        if self.is_taken or self.pod.server.autoscaling is not None:
            return None
        return Scale(self.child.name, self.pod.server.replicas or 1)

    @property
    def url(self) -> str:
        """Where HTTP calls go, inside the cluster."""
        return f"http://{self.child.name}.{self.child.namespace}.svc:{HTTP_PORT}"

    @property
    def grpc_url(self) -> str:
        """Where gRPC calls go: a name of all pods, for balancing by the client."""
        return f"dns:///{self.child.pods_name}.{self.child.namespace}.svc:{GRPC_PORT}"

    @property
    def replicas_there(self) -> int:
        """Pods that the Deployment has."""
        return int(self._status.get("replicas", 0))

    @property
    def selector(self) -> str:
        """The pods' labels, as the scale subresource has them."""
        return ",".join(f"{key}={value}" for key, value in sorted(self.child.selector.items()))

    @property
    def has_what_it_should(self) -> bool:
        """Whether all pods are of the current template, and as many of them ready as there should be.

        Under an autoscaler there should be its least; more come and go with the load, and that a new
        one is starting is no fault.
        """
        if not self._is_rolled_out:
            return False
        there, ready = self.replicas_there, self._status.get("readyReplicas", 0)
        scaling = self.pod.server.autoscaling
        if scaling is not None:
            return bool(ready >= scaling.min_replicas)
        return bool(there == ready == (self.pod.server.replicas or 1))

    @property
    def _is_rolled_out(self) -> bool:
        if self.deployment is None:
            return False
        if not has_template_of(self.deployment, build_deployment(self.child, self.pod)):
            return False  # it is applied in this round
        seen = self._status.get("observedGeneration", 0)
        updated = self._status.get("updatedReplicas", 0)
        current = seen >= self.deployment["metadata"]["generation"]
        return bool(current and updated == self.replicas_there)

    def find_fault(self) -> Fault | None:
        """Return what keeps the server from having its pods; None where it has or only waits."""
        return None if self.has_what_it_should else self._find_fault_of_any()

    def _find_fault_of_any(self) -> Fault | None:
        resource = self.child.resource
        conditions = self._status.get("conditions") or ()
        for condition in conditions:
            message = condition.get("message", "")
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                reason = "QuotaExceeded" if "exceeded quota" in message else "ChildRefused"
                return find_fault(reason, message, resource)
        fault = find_pod_fault(self.pods.live.values(), resource)
        if fault is not None:
            return fault
        for condition in conditions:
            if condition.get("reason") == "ProgressDeadlineExceeded":
                message = condition.get("message", "")
                return find_fault("ProgressDeadlineExceeded", message, resource)
        return None

    def judge(self) -> Judgement:
        """Judge the condition ServerReady."""
        ready = len(self.pods.ready)
        fault = self._find_fault_of_any()
        if self.has_what_it_should:
            # Of a pod that load asked for beside them.
            more = f" Not yet: {fault.message}" if fault else ""
            return Judgement("True", "PodsReady", f"Ready pods: {ready}.{more}")
        if fault is not None:
            return Judgement.of_fault(fault)
        scaling = self.pod.server.autoscaling
        wanted = scaling.min_replicas if scaling else self.pod.server.replicas or 1
        return Judgement("False", "PodsPending", f"Ready pods: {ready} of {wanted}.")

    def judge_serving(self, digest: str, *, is_told: bool) -> Judgement:
        """Judge the condition Ready where nothing is wrong: whether all of it serves a digest.

        Parameters
        ----------
        is_told : whether pods are being told still; only then is it no fault that one lags behind
        """
        server = self.judge()
        if server.status != "True":
            return Judgement("False", "Progressing", server.message)
        if self.pods.all_ready_say(stable=digest):
            return Judgement("True", "Served", f"Every ready pod serves {digest}.")
        message = f"A ready pod does not yet say {digest}."
        return Judgement("False", "Progressing" if is_told else "NotConfirmed", message)

    @property
    def _status(self) -> Mapping[str, Any]:
        return (self.deployment or {}).get("status") or {}


def _keep_mounts(child: Child, pod: Pod, deployment: Object | None) -> Pod:
    """Leave Secrets mounted that are not needed any longer, until pods change for another reason.

    To unmount one would restart the pods; a change of what they serve must not.
    """
    if deployment is None:
        return pod
    mounted = mounted_stores(deployment["spec"]["template"]["spec"])
    kept = replace(pod, stores=tuple(sorted({*pod.stores, *mounted})))
    return kept if has_template_of(deployment, build_deployment(child, kept)) else pod


def judge_available(pods: Pods, wanted: str | None) -> Judgement:
    """Judge the condition Available: something is served, be it what was declared before.

    Parameters
    ----------
    wanted : digest of what is declared; None where that is not known
    """
    served = [one.digest for one in pods.served]
    if served:
        message = f"Ready pods serve {', '.join(served)}."
        return Judgement("True", "Served" if served == [wanted] else "PreviousServed", message)
    if pods.ready and not pods.reports:
        message = "Pods are ready, and none says what it serves."
        return Judgement("Unknown", "PodNotAnswering", message)
    return Judgement("False", "NothingServed", "No ready pod serves anything.")
