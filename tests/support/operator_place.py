"""Where a test of the operator takes place: a namespace of a real API server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.audit_log import Write
from tests.support.control_plane import LightControlPlane
from tests.support.operator_process import OperatorProcess, running_operator
from tests.support.stand_in_operator import TEXT

MODULE = "tests.support.stand_in_operator"


def model(name: str, namespace: str, *, text: str = "1", **server: Any) -> dict[str, Any]:
    """Return a SentinelModel as it is applied."""
    digest = f"sha256:{'1' * 64}"
    return {
        "apiVersion": "sentinel.dev/v1alpha1",
        "kind": "SentinelModel",
        "metadata": {"name": name, "namespace": namespace, "annotations": {TEXT: text}},
        "spec": {"artifact": {"uri": "https://models/m.tar", "digest": digest}, "server": server},
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace with an operator of its own, whose Lease lies there too."""

    api: LightControlPlane
    namespace: str
    folder: Path

    def settings(self, **more: str) -> dict[str, str]:
        return {"namespace": self.namespace, "watch_namespaces": self.namespace, **more}

    def operator(
        self, kubeconfig: Path | None = None, **more: str
    ) -> AbstractContextManager[OperatorProcess]:
        return running_operator(
            kubeconfig or self.api.kubeconfig, self.folder, module=MODULE, **self.settings(**more)
        )

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.api.kubectl.get(
            kind, name, "--namespace", self.namespace, "--show-managed-fields"
        )

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        arguments = [kind, name, "--namespace", self.namespace, "--ignore-not-found"]
        return self.api.kubectl.get(*arguments) if self.api.kubectl("get", *arguments) else None

    def names(self, kind: str) -> list[str]:
        items = self.api.kubectl.get(kind, "--namespace", self.namespace)["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def kubectl(self, *arguments: str) -> str:
        return self.api.kubectl(*arguments, "--namespace", self.namespace)

    def apply(self, *objects: dict[str, Any]) -> None:
        self.api.kubectl.apply(*objects)

    def writes(self, since: int) -> list[Write]:
        """What operators wrote here since a mark."""
        log = self.api.audit.writes(since, user_agent="sentinel-operator/")
        return [write for write in log if write.namespace == self.namespace]
