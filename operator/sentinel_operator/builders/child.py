"""What every object that belongs to a resource has in common: its name, labels and owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sentinel_core.resources.metadata import API_VERSION, KIND_LABEL, RESOURCE_LABEL

ROLE_LABEL = "sentinel.dev/role"
"""``server`` on pods that answer, ``proof`` on those of proof Jobs, which must get no traffic."""

ResourceKind = Literal["SentinelModel", "SentinelPipeline"]
_PARTS: Mapping[ResourceKind, str] = {"SentinelModel": "model", "SentinelPipeline": "decision"}


@dataclass(frozen=True, slots=True)
class Child:
    """The server of a resource and all that goes with it.

    Attributes
    ----------
    resource : name of the SentinelModel or SentinelPipeline
    uid : of the resource, so that children of an earlier one of that name are never adopted
    """

    kind: ResourceKind
    resource: str
    namespace: str
    uid: str

    @property
    def name(self) -> str:
        """Name of the Deployment, its Service, its ConfigMap and so on."""
        return f"{self.resource}-{_PARTS[self.kind]}"

    @property
    def pods_name(self) -> str:
        """Name of the Service that stands for each pod by itself."""
        return f"{self.name}-pods"

    @property
    def owned(self) -> dict[str, str]:
        """Labels of everything that belongs to the resource."""
        return {KIND_LABEL: self.kind, RESOURCE_LABEL: self.resource}

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select the pods that answer."""
        return {**self.owned, ROLE_LABEL: "server"}

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every child: those that we select by, and those that people's tools know."""
        return {
            **self.owned,
            "app.kubernetes.io/name": f"sentinel-{_PARTS[self.kind]}",
            "app.kubernetes.io/instance": self.resource,
            "app.kubernetes.io/managed-by": "sentinel",
        }

    def metadata(self, name: str | None = None, **labels: str) -> dict[str, Any]:
        """Return the metadata of a child.

        Parameters
        ----------
        name : where it is not the child's own
        labels : more labels, each ``sentinel.dev/`` and its name
        """
        return {
            "name": name or self.name,
            "namespace": self.namespace,
            "labels": {**self.labels, **{f"sentinel.dev/{k}": v for k, v in labels.items()}},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": self.kind,
                    "name": self.resource,
                    "uid": self.uid,
                    "controller": True,
                }
            ],
        }
