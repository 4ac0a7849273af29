"""Where a test of the operator takes place: a namespace of a real API server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.audit_log import Write
from tests.support.control_plane import LightControlPlane
from tests.support.operator_process import OperatorProcess, running_operator

DIGEST = f"sha256:{'1' * 64}"
TEXT = "TEXT"
"""Environment variable of servers by which the tests see which spec a child is of."""


def model(
    name: str, namespace: str, *, text: str = "1", digest: str = DIGEST, **server: Any
) -> dict[str, Any]:
    """Return a SentinelModel with a server, as it is applied."""
    server = {"env": [{"name": TEXT, "value": text}], **server}
    return {
        "apiVersion": "sentinel.dev/v1alpha1",
        "kind": "SentinelModel",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"artifact": {"uri": "https://models/m.tar", "digest": digest}, "server": server},
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, where an operator's Lease may lie too."""

    api: LightControlPlane
    namespace: str
    folder: Path

    def operator(
        self, kubeconfig: Path | None = None, **settings: str
    ) -> AbstractContextManager[OperatorProcess]:
        """Run an operator that watches this namespace alone."""
        own = {"namespace": self.namespace, "watch_namespaces": self.namespace}
        return running_operator(kubeconfig or self.api.kubeconfig, self.folder, **own, **settings)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object, managed fields included."""
        return self.api.kubectl.get(
            kind, name, "--namespace", self.namespace, "--show-managed-fields"
        )

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object if it is there."""
        items = self.list(kind)
        return next((item for item in items if item["metadata"]["name"] == name), None)

    def list(self, kinds: str) -> list[dict[str, Any]]:
        """Return all objects of some kinds, separated by commas."""
        items: list[dict[str, Any]] = self.api.kubectl.get(kinds, "--namespace", self.namespace)[
            "items"
        ]
        return items

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the namespace."""
        return self.api.kubectl(*arguments, "--namespace", self.namespace)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects as a person would."""
        self.api.kubectl.apply(*objects)

    def phase(self, name: str, kind: str = "smodel") -> str | None:
        """Return what a resource's status says of it in a word."""
        phase: str | None = self.get(kind, name).get("status", {}).get("phase")
        return phase

    def text(self, name: str) -> str | None:
        """Return the text that the servers of a model have; None where there are none yet."""
        deployment = self.find("deployment", f"{name}-model")
        if deployment is None:
            return None
        variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        return next((one["value"] for one in variables if one["name"] == TEXT), None)

    def writes(self, since: int) -> list[Write]:
        """What operators wrote here since a mark."""
        log = self.api.audit.writes(since, user_agent="sentinel-operator/")
        return [write for write in log if write.namespace == self.namespace]
