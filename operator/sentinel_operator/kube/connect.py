"""Connections to the API server: three bounded pools under one set of credentials."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from sentinel_core.clock import Clock
from sentinel_core.errors import ConfigurationError
from sentinel_operator.metrics import OperatorMetrics

USER_AGENT = f"sentinel-operator/{version('sentinel')}"
TOKEN_SECONDS = 30.0
"""For which a token is believed. The kubelet renews it when a fifth of its life is left
(kubelet, pkg/kubelet/token), which is at least two minutes."""
CONNECT_SECONDS = 3.0
"""For TCP and TLS; a packet that was lost is sent again after one second (RFC 6298)."""
KEEPALIVE_IDLE_SECONDS, KEEPALIVE_EVERY_SECONDS, KEEPALIVE_PROBES = 10, 5, 3
"""A peer that is gone without a word is known after 25 s, under the guard's own patience."""


class TokenFile:
    """A bearer token in a file that somebody else renews."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._token = ""  # nosec B105 - none
        self._read_ns = 0

    def read(self) -> str:
        """Return the token, read anew where it is older than `TOKEN_SECONDS`."""
        now_ns = self._clock.elapsed_ns()
        if not self._token or now_ns - self._read_ns > TOKEN_SECONDS * 1e9:
            try:
                self._token = self._path.read_text(encoding="ascii").strip()
            except OSError as error:
                raise ConfigurationError(
                    f"The ServiceAccount's token cannot be read: {error}.",
                    user_action="Mount it: automountServiceAccountToken: true.",
                ) from error
            self._read_ns = now_ns
        return self._token

    def forget(self) -> None:
        """Read the file at the next call, since the API server did not know the token."""
        self._token = ""  # nosec B105 - none


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the API server is, and who the operator is there.

    Attributes
    ----------
    server : base URL
    headers : credentials that never change, as a kubeconfig may hold them
    token : credentials that do
    """

    server: str
    ssl: ssl.SSLContext
    headers: Mapping[str, str] = field(default_factory=dict)
    token: TokenFile | None = None


@dataclass(slots=True)
class Connections:
    """The operator's sessions with the API server.

    A pool of its own each, so that watches and lists, however many, never keep a write or a renewal
    of the Lease waiting for a connection.

    Parameters
    ----------
    watches : most connections that watches need at once
    calls : most calls that reconciliations make at once
    """

    cluster: Cluster
    metrics: OperatorMetrics
    watches: int
    calls: int
    work: aiohttp.ClientSession = field(init=False)
    lease: aiohttp.ClientSession = field(init=False)
    watch: aiohttp.ClientSession = field(init=False)
    _answers: weakref.WeakSet[ClientResponse] = field(init=False, default_factory=weakref.WeakSet)

    def __post_init__(self) -> None:
        self.work = self._open(self.calls)
        self.lease = self._open(2)
        self.watch = self.open_watch()

    def open_watch(self) -> aiohttp.ClientSession:
        """Open a session that can read only; kopf gets it, and a new one where it was closed."""
        self.watch = self._open(self.watches, _refuse_writes, self._keep_answer)
        return self.watch

    def break_watches(self) -> None:
        """Close every answer that still comes in over the session for watches.

        Whoever reads one gets a connection error and asks anew, from the last version that was seen.
        Closing the session would not do: aiohttp leaves the readers of its answers waiting.
        """
        for answer in list(self._answers):
            answer.close()

    async def close(self) -> None:
        """Close all of them."""
        await asyncio.gather(self.work.close(), self.lease.close(), self.watch.close())

    def _open(self, limit: int, *more: Any) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self.cluster.ssl, limit=limit, socket_factory=_open_socket
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": USER_AGENT, **self.cluster.headers},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            middlewares=(*more, self._count, self._authorize),
        )

    async def _authorize(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        token = self.cluster.token
        # A redirect must not carry the token elsewhere.
        if token is None or request.url.origin() != URL(self.cluster.server).origin():
            return await handler(request)
        request.headers["Authorization"] = f"Bearer {token.read()}"
        answer = await handler(request)
        if answer.status == 401:
            token.forget()
        return answer

    async def _keep_answer(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        answer = await handler(request)
        self._answers.add(answer)
        return answer

    async def _count(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        verb = _verb(request)
        began = time.perf_counter()
        code = "none"
        try:
            answer = await handler(request)
            code = str(answer.status)
        finally:
            self.metrics.api_requests.labels(verb, code).inc()
            self.metrics.api_seconds.labels(verb).observe(time.perf_counter() - began)
        return answer


def _verb(request: ClientRequest) -> str:
    if request.method == "GET":
        return "watch" if "watch" in request.url.query else "get"
    return {"POST": "create", "PUT": "update"}.get(request.method, request.method.lower())


async def _refuse_writes(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    if request.method != "GET":
        raise RuntimeError(f"A watch would write: {request.method} {request.url.path}")
    return await handler(request)


def _open_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    return opened
