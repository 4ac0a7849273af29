"""Everything that runs in the worker of a model Bento."""

from __future__ import annotations

import asyncio
from functools import partial

from sentinel_bentos.followers import Followers
from sentinel_bentos.inner_server import PublicServer, end_with_arbiter, listen
from sentinel_bentos.model.grpc_server import GrpcServer
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.rest import RestApp
from sentinel_bentos.model.scoring import Scoring
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.settings import Settings, load_settings
from sentinel_core.engine.served import Refusal
from sentinel_core.errors import SentinelError


class ModelServer:
    """The two public servers and what they serve."""

    def __init__(self, serving: ModelServing) -> None:
        self._serving = serving
        self._scoring = Scoring()
        self._public: PublicServer | None = None
        self._grpc: GrpcServer | None = None
        self._followers = Followers()

    @property
    def ready(self) -> bool:
        """Whether both public ports answer and rows can be scored."""
        return self._public is not None and self._public.started and self._serving.ready

    async def start(self) -> None:
        """Start to listen and to load.

        A setting that is wrong or a port that is taken does not raise: the arbiter would start the
        process again for ever. It is told by ``GET /served``, and the probe stays unready.
        """
        try:
            settings = load_settings()
            await self._listen(settings)
        except SentinelError as error:
            self._serving.refuse(Refusal(error))
            return
        self._followers.start(
            partial(self._serving.run, settings),
            self._announce,
            partial(end_with_arbiter, settings.supervisor_pid),
        )

    async def stop(self) -> None:
        """Answer what is under way on both ports, then close them."""
        if self._public is not None and self._grpc is not None:
            await asyncio.gather(self._public.stop(), self._grpc.stop())
            await self._followers.stop()
        self._scoring.close()

    async def _listen(self, settings: Settings) -> None:
        listener = listen(settings.host, settings.http_port)
        servicer = InferenceServicer(self._serving, self._scoring)
        server = GrpcServer(servicer, drain_seconds=settings.drain_seconds)
        try:
            await server.start(settings.host, settings.grpc_port)
        except SentinelError:
            listener.close()
            raise
        self._grpc = server
        app = RestApp(self._serving, self._scoring)
        self._public = PublicServer(app, listener, drain_seconds=settings.drain_seconds)
        self._public.start()

    async def _announce(self) -> None:
        await self._serving.loaded.wait()
        assert self._grpc is not None
        await self._grpc.announce(serving=True)
