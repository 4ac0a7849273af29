"""The public server: a second uvicorn in the Bento's own process and event loop.

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

import uvicorn

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import load_callers
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings, load_settings
from sentinel_core.errors import ConfigurationError, SentinelError

GRACE_SECONDS = 10
"""For answers that are under way when the process is told to stop; a batch takes about one second."""
BACKLOG = 2048
ARBITER_SECONDS = 1.0
"""Between looks at whether BentoML's arbiter, which started this process, is still there."""


class InnerServer(uvicorn.Server):
    """A uvicorn that leaves the process's signals to the Bento's own server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing: the Bento tells us when to stop."""
        yield


class DecisionServer:
    """Everything that runs in the Bento's worker: the public server and what it serves."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._server: InnerServer | None = None
        self._listening: asyncio.Future[None]
        self._following: asyncio.Future[tuple[None, None]]

    @property
    def ready(self) -> bool:
        """Whether the public port answers and decisions can be given."""
        listens = self._server is not None and self._server.started
        return listens and self._serving.ready

    async def start(self) -> None:
        """Start to listen and to load.

        A setting that is wrong or a port that is taken does not raise: the arbiter would start the
        process again for ever. It is told by ``GET /served``, and the probe stays unready.
        """
        try:
            settings = load_settings()
            app = build_app(self._serving, settings, load_callers(settings))
            listener = _listen(settings)
        except SentinelError as error:
            self._serving.refuse(error)
            return
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = InnerServer(config)
        self._listening = asyncio.create_task(self._server.serve([listener]))
        self._following = asyncio.gather(self._serving.run(settings), _end_with_arbiter())

    async def stop(self) -> None:
        """Answer what is under way, then write what is waiting and let go of the record."""
        if self._server is not None:
            self._server.should_exit = True
            await asyncio.gather(self._listening, return_exceptions=True)
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._serving.close()


async def _end_with_arbiter() -> None:
    """End this process like the arbiter would, once the arbiter was killed.

    Otherwise it would live on with nobody to stop it, and keep the port and the record.
    """
    arbiter = os.getppid()
    while os.getppid() == arbiter:  # noqa: ASYNC110 - nothing tells a process of this
        await asyncio.sleep(ARBITER_SECONDS)
    signal.raise_signal(signal.SIGTERM)


def _listen(settings: Settings) -> socket.socket:
    """Open the public port.

    With SO_REUSEADDR a restart does not wait a minute for old connections; with SO_REUSEPORT a new
    worker can listen while the old one still answers its last requests.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        listener.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        listener.bind((settings.host, settings.http_port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"The port {settings.http_port} of {settings.host} cannot be opened: {error.strerror}.",
            user_action="Stop the program that uses it, or give another port.",
        ) from error
    return listener
