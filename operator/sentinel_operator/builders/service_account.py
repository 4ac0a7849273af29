"""The account that a server runs as: a name without rights and without a token."""

from __future__ import annotations

from typing import Any

from sentinel_operator.builders.child import Child


def build_service_account(child: Child) -> dict[str, Any]:
    """Build the ServiceAccount of a server's pods."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": child.metadata(),
        "automountServiceAccountToken": False,
    }
