"""The server of a resource: its objects, and how far its Deployment has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel_operator.builders.autoscaler import build_autoscaler
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.config_map import build_config_map
from sentinel_operator.builders.deployment import Pod, build_deployment
from sentinel_operator.builders.disruption_budget import build_disruption_budget
from sentinel_operator.builders.network_policy import build_network_policy
from sentinel_operator.builders.ports import GRPC_PORT, HTTP_PORT
from sentinel_operator.builders.service import build_pods_service, build_service
from sentinel_operator.builders.service_account import build_service_account
from sentinel_operator.builders.service_monitor import API as SERVICE_MONITOR_API
from sentinel_operator.builders.service_monitor import build_service_monitor
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Object, Observed, Scale
from sentinel_operator.services.pods import Pods, find_pod_fault
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
        objects.append(build_service_monitor(child))
    return objects


@dataclass(frozen=True, slots=True)
class ServerState:
    """How far a server has come.

    Attributes
    ----------
    deployment : as it is; None where there is none yet
    replicas : how many pods there should be
    """

    child: Child
    deployment: Object | None
    pods: Pods
    replicas: int
    autoscaled: bool

    @classmethod
    def of(cls, child: Child, observed: Observed, pods: Pods, pod: Pod) -> ServerState:
        """Read it from an observation."""
        deployment = observed.children.get(("Deployment", child.name))
        autoscaled = pod.server.autoscaling is not None
        wanted = pod.server.replicas or 1
        if autoscaled and deployment is not None:
            wanted = deployment["spec"].get("replicas", wanted)
        return cls(child, deployment, pods, wanted, autoscaled)

    @property
    def scale(self) -> Scale | None:
        """What is to be written to the scale subresource; an autoscaler writes it itself."""
        return None if self.autoscaled else Scale(self.child.name, self.replicas)

    @property
    def url(self) -> str:
        """Where HTTP calls go, inside the cluster."""
        return f"http://{self.child.name}.{self.child.namespace}.svc:{HTTP_PORT}"

    @property
    def grpc_url(self) -> str:
        """Where gRPC calls go: the name of all pods, for balancing by the client."""
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
        """Whether all pods are of the current template, as many as there should be, and ready."""
        deployment = self.deployment
        if deployment is None:
            return False
        seen = self._status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        counts = [
            self._status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")
        ]
        return bool(seen and all(count == self.replicas for count in counts))

    def find_fault(self) -> Fault | None:
        """Return what keeps the server from having its pods; None where it has or only waits."""
        resource = self.child.resource
        for condition in self._status.get("conditions") or ():
            message = condition.get("message", "")
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                reason = "QuotaExceeded" if "exceeded quota" in message else "ChildRefused"
                return find_fault(reason, message, resource)
        fault = find_pod_fault(self.pods, resource)
        if fault is not None:
            return fault
        for condition in self._status.get("conditions") or ():
            if condition.get("reason") == "ProgressDeadlineExceeded":
                message = condition.get("message", "")
                return find_fault("ProgressDeadlineExceeded", message, resource)
        return None

    def judge(self) -> Judgement:
        """Judge the condition ServerReady."""
        if self.has_what_it_should:
            return Judgement("True", "PodsReady", f"{self.replicas} of {self.replicas} are ready.")
        fault = self.find_fault()
        if fault is not None:
            return Judgement.of_fault(fault)
        ready = len(self.pods.ready)
        return Judgement("False", "PodsPending", f"{ready} of {self.replicas} are ready.")

    @property
    def _status(self) -> Mapping[str, Any]:
        return (self.deployment or {}).get("status") or {}


def judge_available(pods: Pods, ready: Judgement) -> Judgement:
    """Judge the condition Available: something is served, be it what was declared before."""
    if not pods.serving:
        return Judgement("False", "NothingServed", "No ready pod serves anything.")
    if ready.status == "True":
        return Judgement("True", "Served", ready.message)
    digests = ", ".join(one.digest for one in pods.served)
    return Judgement("True", "PreviousServed", f"Ready pods serve {digests}.")
