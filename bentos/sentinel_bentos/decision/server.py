"""Everything that runs in the worker of a decision Bento."""

from __future__ import annotations

import asyncio
from functools import partial

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import Callers
from sentinel_bentos.decision.key_file import KeyFile, load_callers
from sentinel_bentos.decision.rpc.service import build_grpc_server
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings, load_settings
from sentinel_bentos.followers import Followers
from sentinel_bentos.inner_grpc import InnerGrpcServer
from sentinel_bentos.inner_server import PublicServer, end_with_arbiter, listen
from sentinel_core.engine.served import Refusal
from sentinel_core.errors import SentinelError


class DecisionServer:
    """The two public servers and what they serve."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._public: PublicServer | None = None
        self._grpc: InnerGrpcServer | None = None
        self._followers = Followers()

    @property
    def ready(self) -> bool:
        """Whether both public ports answer and decisions can be given."""
        return self._public is not None and self._public.started and self._serving.ready

    async def start(self) -> None:
        """Start to listen and to load.

        A setting that is wrong or a port that is taken does not raise: the arbiter would start the
        process again for ever. It is told by ``GET /served``, and the probe stays unready.
        """
        try:
            settings = load_settings()
            callers = load_callers(settings)
            await self._listen(settings, callers)
        except SentinelError as error:
            self._serving.refuse(Refusal(error))
            return
        self._followers.start(
            partial(self._serving.run, settings),
            self._announce,
            partial(end_with_arbiter, settings.supervisor_pid),
        )
        if isinstance(callers, KeyFile):
            self._followers.start(callers.follow)

    async def stop(self) -> None:
        """Answer what is under way, then write what is waiting and let go of the record."""
        if self._public is not None and self._grpc is not None:
            await asyncio.gather(self._public.stop(), self._grpc.stop())
            await self._followers.stop()
        await self._serving.close()

    async def _listen(self, settings: Settings, callers: Callers) -> None:
        listener = listen(settings.host, settings.http_port)
        server = build_grpc_server(self._serving, settings, callers)
        try:
            await server.start(settings.host, settings.grpc_port)
        except SentinelError:
            listener.close()
            raise
        self._grpc = server
        app = build_app(self._serving, settings, callers)
        self._public = PublicServer(app, listener, drain_seconds=settings.drain_seconds)
        self._public.start()

    async def _announce(self) -> None:
        """Tell clients over gRPC when decisions can be given."""
        await self._serving.opened.wait()
        assert self._grpc is not None
        await self._grpc.announce(serving=True)
