"""The ports that every Bento has."""

from __future__ import annotations

HTTP_PORT = 3000
GRPC_PORT = 3001
ADMIN_PORT = 3002
"""The Bento's own server: probes, metrics and what the pod serves. Not for clients."""

CLIENT_PORTS = {"http": HTTP_PORT, "grpc": GRPC_PORT}
PORTS = {**CLIENT_PORTS, "admin": ADMIN_PORT}
