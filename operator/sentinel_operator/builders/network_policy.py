"""The NetworkPolicy of a server: what is not named is denied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel_core.resources.metadata import KIND_LABEL, RESOURCE_LABEL
from sentinel_core.resources.network import Egress, NetworkPolicy, Peer
from sentinel_operator.builders.child import ROLE_LABEL, Child
from sentinel_operator.builders.ports import ADMIN_PORT, CLIENT_PORTS, GRPC_PORT

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Which the API server puts on every namespace."""
DNS_PORT = 53


def build_network_policy(
    child: Child,
    policy: NetworkPolicy,
    *,
    operator_namespace: str,
    model_servers: Sequence[str] = (),
) -> dict[str, Any]:
    """Build the policy for the server's pods, and for those that prove its artifact.

    The artifact store must be named in ``policy.egress``: its address is in a Secret, which the
    operator may not read.

    Parameters
    ----------
    operator_namespace : whose pods ask what is served
    model_servers : names of SentinelModels that are called
    """
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": child.metadata(),
        "spec": {
            "podSelector": {"matchLabels": child.owned},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(policy, operator_namespace),
            "egress": [
                _dns(),
                *(_model_server(name) for name in model_servers),
                *(_egress(one) for one in policy.egress),
            ],
        },
    }


def _ingress(policy: NetworkPolicy, operator_namespace: str) -> list[dict[str, Any]]:
    operator = {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: operator_namespace}}}
    rules = [{"from": [operator], "ports": _tcp(ADMIN_PORT)}]
    if policy.allow_from is None:
        rules.append({"from": [{"podSelector": {}}], "ports": _tcp(*CLIENT_PORTS.values())})
    elif policy.allow_from:
        peers = [_peer(one) for one in policy.allow_from]
        rules.append({"from": peers, "ports": _tcp(*CLIENT_PORTS.values())})
    return rules


def _dns() -> dict[str, Any]:
    return {"ports": [{"port": DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")]}


def _model_server(name: str) -> dict[str, Any]:
    labels = {KIND_LABEL: "SentinelModel", RESOURCE_LABEL: name, ROLE_LABEL: "server"}
    return {"to": [{"podSelector": {"matchLabels": labels}}], "ports": _tcp(GRPC_PORT)}


def _egress(egress: Egress) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if egress.to:
        rule["to"] = [_peer(one) for one in egress.to]
    if egress.ports:
        rule["ports"] = [{"port": one.port, "protocol": one.protocol} for one in egress.ports]
    return rule


def _peer(peer: Peer) -> dict[str, Any]:
    plain: dict[str, Any] = peer.model_dump(mode="json", by_alias=True, exclude_none=True)
    # The API server leaves out what is empty, and would take it for a change at every apply.
    return {
        kind: {name: value for name, value in part.items() if value} for kind, part in plain.items()
    }


def _tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]
