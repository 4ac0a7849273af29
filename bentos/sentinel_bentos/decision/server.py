"""Everything that runs in the worker of a decision Bento."""

from __future__ import annotations

import asyncio

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import load_callers
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import load_settings
from sentinel_bentos.inner_server import PublicServer, end_with_arbiter, listen
from sentinel_core.engine.served import Refusal
from sentinel_core.errors import SentinelError


class DecisionServer:
    """The public server and what it serves."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._public: PublicServer | None = None
        self._following: asyncio.Future[tuple[None, None]]

    @property
    def ready(self) -> bool:
        """Whether the public port answers and decisions can be given."""
        return self._public is not None and self._public.started and self._serving.ready

    async def start(self) -> None:
        """Start to listen and to load.

        A setting that is wrong or a port that is taken does not raise: the arbiter would start the
        process again for ever. It is told by ``GET /served``, and the probe stays unready.
        """
        try:
            settings = load_settings()
            app = build_app(self._serving, settings, load_callers(settings))
            listener = listen(settings.host, settings.http_port)
        except SentinelError as error:
            self._serving.refuse(Refusal(error))
            return
        self._public = PublicServer(app, listener)
        self._public.start()
        self._following = asyncio.gather(self._serving.run(settings), end_with_arbiter())

    async def stop(self) -> None:
        """Answer what is under way, then write what is waiting and let go of the record."""
        if self._public is not None:
            await self._public.stop()
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._serving.close()
