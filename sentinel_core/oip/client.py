"""Calling a model server over gRPC.

One connection per pod of the server, shared by all that call it. The name of the server resolves to
every pod, and calls take turns among them; a server closes connections by itself after a while, upon
which the name is resolved again, so that new pods get their share.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import grpc.aio

from sentinel_core.errors import SentinelError
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import Rows, parse_outputs

CLOSE_SECONDS = 12.0
"""For calls under way when a connection is given up: the longest deadline that a pipeline may set for
a model is 10 s."""
_CHANNEL_OPTIONS: Final[tuple[tuple[str, str | int], ...]] = (
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    # A pod whose node has gone sends nothing, not even that it has gone. With calls under way and
    # nothing heard for so long, the connection is tried, and given up after the timeout.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # Pods come and go faster than the 30 s that gRPC waits between two resolutions of a name.
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment is not meant for pods
)


class ModelServerError(SentinelError):
    """A model server refused a call, or gave no usable answer. Retryable: no.

    ``status`` is gRPC's word for it, or ours where the answer is wrong.
    """

    code = "model_server_failed"

    def __init__(self, message: str, status: str) -> None:
        super().__init__(
            f"The model server failed ({status}): {message}.",
            user_action="Look at the model server's log and at its conditions.",
        )
        self.status = status


class ModelServer:
    """A model server, connected to when it is first called.

    May be made on any thread; it is called from one event loop.

    Parameters
    ----------
    url : str
        As gRPC takes it, such as ``dns:///card-fraud-model-pods.default.svc:3001``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._is_closed = False

    async def infer(
        self, request: pb.ModelInferRequest, *, timeout_seconds: float
    ) -> dict[str, Rows]:
        """Have a model score rows.

        Returns
        -------
        dict of name to float32 array
            The outputs that were asked for, from the version that was asked for.

        Raises
        ------
        TimeoutError
            There was no answer in time; the call is cut off.
        ModelServerError
            The call failed, or another version answered. Retryable: no.
        InvalidTensorError
            The answer is not of the protocol. Retryable: no.
        """
        answer = await self._call("ModelInfer", request, timeout_seconds)
        if answer.model_version != request.model_version:
            raise ModelServerError(
                f"the version {answer.model_version[:80]} answered", "WrongVersion"
            )
        return parse_outputs(answer)

    async def is_ready(self, name: str, version: str, *, timeout_seconds: float) -> bool:
        """Tell whether a version of a model can be asked, and get connected meanwhile."""
        request = pb.ModelReadyRequest(name=name, version=version)
        try:
            answer = await self._call("ModelReady", request, timeout_seconds, patient=True)
        except (TimeoutError, ModelServerError):
            return False
        return bool(answer.ready)

    async def close(self) -> None:
        """Take no more calls, and give up the connection once those under way have ended."""
        self._is_closed = True
        if self._channel is not None:
            await self._channel.close(CLOSE_SECONDS)

    async def _call(
        self, method: str, request: Any, timeout_seconds: float, *, patient: bool = False
    ) -> Any:
        if self._is_closed:
            raise ModelServerError("no release names it any more", "CLOSED")
        if self._stub is None:
            self._channel = grpc.aio.insecure_channel(self.url, options=_CHANNEL_OPTIONS)
            self._stub = GRPCInferenceServiceStub(self._channel)  # type: ignore[no-untyped-call]  # protoc's
        call = getattr(self._stub, method)
        # The event loop keeps a deadline to a fraction of a millisecond; gRPC's own, which tells the
        # server, was seen 3 ms late.
        async with asyncio.timeout(timeout_seconds):
            try:
                return await call(request, timeout=timeout_seconds, wait_for_ready=patient)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from error
                details = (error.details() or "no details")[:256]
                raise ModelServerError(details, error.code().name) from error


class ModelServers:
    """The model servers that releases name, each connected to once."""

    def __init__(self) -> None:
        self._servers: dict[str, ModelServer] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def get(self, url: str) -> ModelServer:
        """Return the server of a URL. May be called from any thread."""
        return self._servers.setdefault(url, ModelServer(url))

    def keep_to(self, urls: set[str]) -> None:
        """Let go of every other server, once the calls to it have ended."""
        for url in self._servers.keys() - urls:
            closing = asyncio.create_task(self._servers.pop(url).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Let go of all of them."""
        self.keep_to(set())
        await asyncio.gather(*self._closing)
