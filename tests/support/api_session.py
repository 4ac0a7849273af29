"""Plain calls to an API server, for what stands in for Kubernetes' own controllers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import kubernetes

GONE = (404, 409)
"""Deleted, or made by an earlier look; the next look sees it."""
ENDING = ("NamespaceTerminating", "error looking up service account")
"""What is said to whoever makes something where everything is being deleted; controllers try again."""
GOODBYE_SECONDS = 0.25
"""What aiohttp's documentation asks for after a session over TLS (Graceful Shutdown)."""
MERGE = {"Content-Type": "application/merge-patch+json"}


def credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Return the base URL and the client certificate of a kubeconfig."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return configuration.host, context


@asynccontextmanager
async def open_session(
    context: ssl.SSLContext, *, limit: int = 100, **more: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session, and leave no connection behind when it is closed.

    Parameters
    ----------
    limit : connections at once; 0 for any number
    more : of the session
    """
    connector = aiohttp.TCPConnector(ssl=context, limit=limit)
    async with aiohttp.ClientSession(connector=connector, **more) as session:
        yield session
    # A connection that was given up in the middle of an answer still says goodbye; nobody else waits.
    await asyncio.sleep(GOODBYE_SECONDS)


@dataclass(frozen=True, slots=True)
class ApiSession:
    """Calls as whoever the kubeconfig names. Objects that are gone are passed over."""

    session: aiohttp.ClientSession
    server: str

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: Path) -> AsyncIterator[ApiSession]:
        url, context = credentials(kubeconfig)
        async with open_session(context) as session:
            yield cls(session, url)

    async def list(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        found = await self._call("GET", path, params=parameters)
        items: list[dict[str, Any]] = (found or {}).get("items") or []
        return items

    async def get(self, path: str) -> dict[str, Any] | None:
        return await self._call("GET", path)

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        return await self._call("POST", path, json=body)

    async def merge_status(self, path: str, status: Mapping[str, Any]) -> dict[str, Any] | None:
        return await self._call("PATCH", f"{path}/status", json={"status": status}, headers=MERGE)

    async def delete(self, path: str) -> dict[str, Any] | None:
        return await self._call("DELETE", path, params={"gracePeriodSeconds": "0"})

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any] | None:
        async with self.session.request(method, self.server + path, **more) as answer:
            text = await answer.text()
            if answer.status in GONE or any(words in text for words in ENDING):
                return None
            assert answer.status < 400, f"{method} {path}: {text}"
            body: dict[str, Any] = await answer.json()
            return body
