"""The Services of a server: one address for all of its pods, and one name for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel_operator.builders.child import Child
from sentinel_operator.builders.ports import CLIENT_PORTS, PORTS


def build_service(child: Child) -> dict[str, Any]:
    """Build the Service for clients that open a connection for each few requests."""
    return _service(child, child.name, CLIENT_PORTS)


def build_pods_service(child: Child) -> dict[str, Any]:
    """Build the headless Service, whose name gives the address of every ready pod.

    gRPC clients keep one connection for long; by this name (``dns:///``, round robin) they have one to
    each pod. It has the admin port too, so that each pod can be scraped.
    """
    service = _service(child, child.pods_name, PORTS)
    service["spec"]["clusterIP"] = "None"
    return service


def _service(child: Child, name: str, ports: Mapping[str, int]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child.metadata(name),
        "spec": {
            "selector": child.selector,
            "ports": [
                {"name": port, "port": number, "targetPort": port, "protocol": "TCP"}
                for port, number in ports.items()
            ],
        },
    }
