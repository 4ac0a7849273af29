"""What every cluster has beyond the control plane: names by DNS, rights of kube-proxy, metrics."""

from __future__ import annotations

from typing import Any

from tests.cluster.harness.addresses import CLUSTER_DOMAIN, MACHINE_ADDRESS
from tests.cluster.harness.images import METRICS, USER

DNS_USER = "system:coredns"
_RBAC = "rbac.authorization.k8s.io"
_METRICS_NAME = {"name": "metrics-server", "namespace": "kube-system"}
_METRICS_LABELS = {"app.kubernetes.io/name": "metrics-server"}
_METRICS_ACCOUNT = {"kind": "ServiceAccount"} | _METRICS_NAME
_CERTIFICATES = {"name": "certificates", "mountPath": "/tmp"}


def corefile(kubeconfig: str) -> str:
    """Return CoreDNS's configuration: names of the cluster, and no others."""
    return f"""\
{CLUSTER_DOMAIN} in-addr.arpa {{
  bind {MACHINE_ADDRESS}
  errors
  kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
  cache 5
}}
"""


def node_rights() -> list[dict[str, Any]]:
    """Return the rights of kube-proxy and CoreDNS."""
    read = ["list", "watch"]
    return [
        _binding("sentinel-kube-proxy", "system:node-proxier", _user("system:kube-proxy")),
        _role(
            DNS_USER,
            {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": read},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        ),
        _binding(DNS_USER, DNS_USER, _user(DNS_USER)),
    ]


def metrics_server(kubelet_flags: list[str], node: str) -> list[dict[str, Any]]:
    """Return metrics-server, from which ``kubectl top`` and autoscalers read.

    Parameters
    ----------
    kubelet_flags : how it trusts the kubelets
    node : where its image was loaded
    """
    name, stats = "system:metrics-server", {"apiGroups": [""], "resources": ["nodes/metrics"]}
    read = {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}
    reader = "extension-apiserver-authentication-reader"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _METRICS_NAME},
        _role(name, read, stats | {"verbs": ["get"]}),
        _binding(name, name, _METRICS_ACCOUNT),
        _binding(f"{name}-delegator", "system:auth-delegator", _METRICS_ACCOUNT),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": _METRICS_NAME,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": reader},
            "subjects": [_METRICS_ACCOUNT],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _METRICS_NAME,
            "spec": {
                "selector": _METRICS_LABELS,
                "ports": [{"port": 443, "targetPort": "https"}],
            },
        },
        _metrics_deployment(kubelet_flags, node),
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": _METRICS_NAME,
            },
        },
    ]


def _metrics_deployment(kubelet_flags: list[str], node: str) -> dict[str, Any]:
    container = {
        "name": "metrics-server",
        "image": METRICS,
        "args": [
            "--secure-port=10250",
            "--cert-dir=/tmp",
            "--kubelet-preferred-address-types=InternalIP",
            # The default is 15 s; autoscaling tests wait for it. It must exceed the time-out of a
            # request to a kubelet.
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
            *kubelet_flags,
        ],
        "ports": [{"name": "https", "containerPort": 10250}],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "https", "scheme": "HTTPS"},
            "periodSeconds": 2,
        },
        "volumeMounts": [_CERTIFICATES],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    pod = {
        "serviceAccountName": "metrics-server",
        "nodeSelector": {"kubernetes.io/hostname": node},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": int(USER),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "certificates", "emptyDir": {}}],
        # Nodes of kind's keep ordinary pods off the one with the control plane.
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
    }
    template = {"metadata": {"labels": _METRICS_LABELS}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _METRICS_NAME,
        "spec": {"selector": {"matchLabels": _METRICS_LABELS}, "template": template},
    }


def _role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    }


def _binding(name: str, role: str, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def _user(name: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "User", "name": name}
