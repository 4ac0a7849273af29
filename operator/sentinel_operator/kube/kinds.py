"""The kinds of objects that the operator knows: where they live, and what it watches of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sentinel_core.resources.metadata import INPUT_LABEL, KIND_LABEL, RESOURCE_LABEL

PROJECTION = "false"
"""Value of `INPUT_LABEL` on ConfigMaps that the operator writes itself.

One watch has one selector, and selectors know no "or": so the ConfigMaps that resources read and
those that pods read share the label, and are told apart by its value.
"""


class ResourceKey(NamedTuple):
    """Which SentinelModel or SentinelPipeline."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class ObjectKey(NamedTuple):
    """Which object, of whatever kind."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object.

    Attributes
    ----------
    selector : labels by which it is watched; empty watches all of its kind
    watch_labels : labels that the selector wants on objects of ours, beside those of every child
    optional : whether a cluster may lack it
    """

    name: str
    group: str
    version: str
    plural: str
    selector: str = RESOURCE_LABEL
    watch_labels: Mapping[str, str] | None = None
    optional: bool = False

    @property
    def api_version(self) -> str:
        """As objects name it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def api(self) -> str:
        """As `Observed.apis` names it."""
        return f"{self.api_version}/{self.name}"

    @property
    def root(self) -> str:
        """Path of its API's version, which lists what is in it."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, an object or a subresource."""
        parts = [self.root]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


MODEL = Kind("SentinelModel", "sentinel.dev", "v1alpha1", "sentinelmodels", selector="")
PIPELINE = Kind("SentinelPipeline", "sentinel.dev", "v1alpha1", "sentinelpipelines", selector="")
POD = Kind("Pod", "", "v1", "pods")
CONFIG_MAP = Kind(
    "ConfigMap", "", "v1", "configmaps", selector=INPUT_LABEL,
    watch_labels={INPUT_LABEL: PROJECTION},
)  # fmt: skip
REVISION = Kind("ControllerRevision", "apps", "v1", "controllerrevisions")
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments")
EVENT = Kind("Event", "events.k8s.io", "v1", "events")
LEASE = Kind("Lease", "coordination.k8s.io", "v1", "leases")

RESOURCES = (MODEL, PIPELINE)
CHILDREN = (
    DEPLOYMENT,
    Kind("Service", "", "v1", "services"),
    Kind("ServiceAccount", "", "v1", "serviceaccounts"),
    CONFIG_MAP,
    Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
    Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    Kind("Job", "batch", "v1", "jobs"),
    REVISION,
    Kind("ServiceMonitor", "monitoring.coreos.com", "v1", "servicemonitors", optional=True),
)
WATCHED = (*RESOURCES, POD, *CHILDREN)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*WATCHED, EVENT, LEASE)}


def key_of(thing: Mapping[str, Any]) -> ObjectKey:
    """Name an object."""
    metadata = thing["metadata"]
    return ObjectKey(thing["kind"], metadata["namespace"], metadata["name"])


def owner_of(thing: Mapping[str, Any]) -> ResourceKey | None:
    """Name the resource that an object belongs to by its labels."""
    metadata = thing["metadata"]
    labels = metadata.get("labels") or {}
    if KIND_LABEL not in labels or RESOURCE_LABEL not in labels:
        return None
    return ResourceKey(labels[KIND_LABEL], metadata["namespace"], labels[RESOURCE_LABEL])
