"""A second uvicorn in the Bento's own process and event loop, for the public port.

BentoML's server sets a timer for each request and never cancels it, which costs its tail latency
(ADR-0007). This one has none of its middleware; port 3002 keeps the Bento's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import psutil
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentinel_bentos.environment import DRAIN_SECONDS
from sentinel_core.errors import ConfigurationError

FAREWELL_SECONDS = 1.0
"""Before a kept-alive connection is closed without an answer on it: a client that is busy has sent
its next request within this, and is told with the answer."""
KEEP_ALIVE_SECONDS = 120
"""For a connection without a request. The client should be the one to close it: a request that meets
the server's close is lost. Go's client keeps one for 90 s, nginx for 60 s, others less."""
BACKLOG = 2048
ARBITER_SECONDS = 1.0
"""Between looks at whether BentoML's arbiter, which started this process, is still there."""
_POLL_SECONDS = 0.02
_CLOSE = (b"connection", b"close")


class PublicServer:
    """An application on its port.

    Parameters
    ----------
    listener : socket
        As `listen` opens it.
    drain_seconds : int
        For answers that are under way when the server is told to stop.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, *, drain_seconds: int = DRAIN_SECONDS
    ) -> None:
        self._app = app
        self._listener = listener
        self._leaving = False
        self._server = _InnerServer(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                # Nothing here asks who the client is.
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
            )
        )
        self._serving: asyncio.Future[None] | None = None

    @property
    def started(self) -> bool:
        """Whether the port answers."""
        return self._server.started

    def start(self) -> None:
        """Start to answer."""
        self._serving = asyncio.create_task(self._server.serve([self._listener]))

    async def stop(self) -> None:
        """Tell the clients to go, answer what is under way, then close the port.

        A connection that is closed while a request is on its way loses that request, and no client
        may send it again by itself. So each gets an answer first that says that it was the last one.
        """
        if self._serving is None:
            return
        self._leaving = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while self._server.server_state.connections:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(_POLL_SECONDS)
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._leaving:
            await self._app(scope, receive, send)
            return

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _CLOSE]
            await send(message)

        await self._app(scope, receive, send_last)


class _InnerServer(uvicorn.Server):
    """A uvicorn that leaves the process's signals to the Bento's own server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing: the Bento tells us when to stop."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Open a public port.

    With SO_REUSEADDR a restart does not wait a minute for old connections; with SO_REUSEPORT a new
    worker can listen while the old one still answers its last requests.

    Raises
    ------
    ConfigurationError
        The port cannot be opened. Retryable: no.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        listener.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"The port {port} of {host} cannot be opened: {error.strerror}.",
            user_action="Stop the program that uses it, or give another port.",
        ) from error
    return listener


async def end_with_arbiter(supervisor_pid: int | None = None) -> None:
    """End this process like the arbiter would, once the arbiter was killed.

    Otherwise it would live on with nobody to stop it, and keep the port and the record.

    Parameters
    ----------
    supervisor_pid : int, optional
        Of the process that started the arbiter and stops it. Once that was killed, the arbiter is
        told to stop in its place.
    """
    arbiter = os.getppid()
    while os.getppid() == arbiter:
        if supervisor_pid is not None and _parent_of(arbiter) not in {supervisor_pid, None}:
            os.kill(arbiter, signal.SIGTERM)
            return
        await asyncio.sleep(ARBITER_SECONDS)
    signal.raise_signal(signal.SIGTERM)


def _parent_of(pid: int) -> int | None:
    try:
        parent: int = psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return None
    return parent
