"""A real API server, as a test holds it, whatever stands behind."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.harness.kubeconfig import with_token
from tests.cluster.harness.kubectl import Kubectl
from tests.support.audit_log import AuditLog

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


@dataclass(frozen=True, slots=True)
class KubernetesApi:
    """An API server and ways to be somebody at it.

    Attributes
    ----------
    kubeconfig : of an administrator
    folder : for files of the tests' own, such as further kubeconfigs
    """

    kubeconfig: Path
    folder: Path

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as the administrator."""
        return Kubectl(self.kubeconfig)

    def client(self, kubeconfig: Path | None = None) -> ApiClient:
        """Return a client other than the one under test; for the administrator, or for somebody."""
        from kubernetes import config  # noqa: PLC0415 - 0.4 s, which every run of pytest would pay

        return config.new_client_from_config(str(kubeconfig or self.kubeconfig))

    def namespace(self, prefix: str = "test", labels: Mapping[str, str] | None = None) -> str:
        """Make a namespace with a new name and a ServiceAccount ``default``, and return its name.

        ``{"pod-security.kubernetes.io/enforce": "restricted"}`` among the labels turns on Pod
        Security admission.
        """
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        metadata = {"name": name, "labels": dict(labels or {})}
        # Without controllers nobody else makes the account, and pods are refused for want of it.
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            account | {"metadata": {"name": "default", "namespace": name}},
        )
        return name

    def as_service_account(self, namespace: str, name: str) -> Path:
        """Return a kubeconfig with a token of a ServiceAccount, good for an hour."""
        token = self.kubectl("create", "token", name, "--namespace", namespace).strip()
        target = self.folder / f"{namespace}.{name}.kubeconfig"
        return with_token(self.kubeconfig, target, token)


@dataclass(frozen=True, slots=True)
class AuditedApi(KubernetesApi):
    """An API server whose log of writes can be read."""

    audit_path: Path

    @property
    def audit(self) -> AuditLog:
        """Who wrote what."""
        return AuditLog(self.audit_path, self.kubectl)
