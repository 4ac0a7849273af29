"""An S3 store inside the cluster, for artifacts of tests and tutorials.

One pod on a volume that goes with it: what it held is uploaded again by the next build-load. A cluster
that lasts takes the store of its cloud or company instead, by a Secret of the same form.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.build_load.builders import INPUTS_LABEL
from tests.cluster.build_load.images import Built
from tests.cluster.build_load.objects import apply_secret, read_secret
from tests.cluster.harness.addresses import FORWARDED_NODE_PORTS
from tests.cluster.harness.kubectl import Kubectl

NAME = NAMESPACE = "model-store"
PORT = 7070
NODE_PORT = FORWARDED_NODE_PORTS[-2]
BUCKET = "models"
REGION = "us-east-1"
ENDPOINT = f"http://{NAME}.{NAMESPACE}.svc:{PORT}"
"""As pods of any namespace reach it."""
MOUNTS = {"store": "/data", "bucket": f"/data/{BUCKET}", "metadata": "/metadata", "tmp": "/tmp"}
"""Empty volumes of the pod. A folder below /data is a bucket. What S3 says of an object lies beside it,
and not in extended attributes, which not every file system has."""
_USER = 65532


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the store takes for its owner."""

    access_key_id: str
    secret_access_key: str

    def settings(self, endpoint: str) -> dict[str, str]:
        """Return the settings by which Sentinel reaches the store at an address."""
        return {
            "endpoint": endpoint,
            "region": REGION,
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
        }


def deploy_store(kubectl: Kubectl, image: Built) -> Credentials:
    """Have the store in its namespace, ready, and return its credentials, drawn the first time.

    Raises
    ------
    HarnessError
        It did not become ready. Retryable: once its cause is gone.
    """
    found = read_secret(kubectl, NAMESPACE, NAME)
    credentials = (
        Credentials(found["accessKeyId"], found["secretAccessKey"])
        if found is not None
        else Credentials(f"sentinel-{secrets.token_hex(8)}", secrets.token_urlsafe(32))
    )
    apply_secret(kubectl, NAMESPACE, NAME, credentials.settings(ENDPOINT))
    kubectl.apply(deployment(image), service())
    kubectl("rollout", "status", "deployment", NAME, f"--namespace={NAMESPACE}", "--timeout=120s")
    return credentials


@contextmanager
def store_folder(credentials: Credentials) -> Iterator[Path]:
    """Give a folder of settings by which this machine reaches the store, for as long as it is open."""
    with tempfile.TemporaryDirectory(prefix="sentinel-store-") as folder:
        for name, value in credentials.settings(f"http://127.0.0.1:{NODE_PORT}").items():
            Path(folder, name).write_text(value)
        yield Path(folder)


def namespace() -> dict[str, Any]:
    """Return the store's namespace, which takes restricted pods alone."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }


def deployment(image: Built) -> dict[str, Any]:
    """Return the one pod of the store; another image, or another build of it, is another pod."""
    labels = {"app.kubernetes.io/name": NAME}
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(image.image.references[0])],
        "volumes": [{"name": name, "emptyDir": {}} for name in MOUNTS],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {INPUTS_LABEL: image.inputs}},
                "spec": pod,
            },
        },
    }


def service() -> dict[str, Any]:
    """Return the name by which pods reach the store, and the port by which this machine does.

    Not by kubectl port-forward: it ends when the store refuses an upload before it has all of it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "type": "NodePort",
            "selector": {"app.kubernetes.io/name": NAME},
            "ports": [{"name": "s3", "port": PORT, "targetPort": PORT, "nodePort": NODE_PORT}],
        },
    }


def _container(reference: str) -> Mapping[str, Any]:
    return {
        "name": NAME,
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--port", f":{PORT}", "--health", "/health", "--quiet",
                 "posix", "--sidecar", "/metadata", "/data"],
        "env": [
            _from_secret("ROOT_ACCESS_KEY_ID", "accessKeyId"),
            _from_secret("ROOT_SECRET_ACCESS_KEY", "secretAccessKey"),
        ],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in MOUNTS.items()],
    }  # fmt: skip


def _from_secret(variable: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": NAME, "key": key}}}
