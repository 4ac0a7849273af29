"""The rpcs of the Open Inference Protocol over what is served."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, TypeVar

import grpc

from sentinel_bentos.model.description import (
    EXTENSIONS,
    PLATFORM,
    SERVER_NAME,
    SERVER_VERSION,
    inputs_of,
    outputs_of,
)
from sentinel_bentos.model.outputs import (
    DEFAULT_OUTPUTS,
    MAX_ROWS,
    check_wanted,
    refuse_request,
)
from sentinel_bentos.model.scoring import Scoring
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.statuses import status_of, text_of
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import NotReadyError, SentinelError
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip import open_inference_pb2_grpc as pb_grpc
from sentinel_core.oip.tensors import build_response, parse_rows
from sentinel_core.telemetry import Operation

_log = logging.getLogger("sentinel.grpc")
_OK = grpc.StatusCode.OK.name

Request = TypeVar("Request")
Response = TypeVar("Response")


def _rpc(
    operation: Operation,
) -> Callable[
    [Callable[[InferenceServicer, Request], Awaitable[Response]]],
    Callable[[InferenceServicer, Request, Any], Awaitable[Response]],
]:
    """Have what an rpc raises answered as a status, and each answer counted."""

    def decorate(
        rpc: Callable[[InferenceServicer, Request], Awaitable[Response]],
    ) -> Callable[[InferenceServicer, Request, Any], Awaitable[Response]]:
        @functools.wraps(rpc)
        async def answer(self: InferenceServicer, request: Request, context: Any) -> Response:
            started_ns = perf_counter_ns()
            try:
                response = await rpc(self, request)
            except SentinelError as error:
                code, text = status_of(error).grpc, text_of(error)
            except Exception:  # noqa: BLE001 - logged, and answered as a status
                _log.exception("A call could not be answered.")
                code, text = grpc.StatusCode.INTERNAL, "The server met an error not expected."
            else:
                self.counts.count(operation, _OK, started_ns)
                return response
            self.counts.count(operation, code.name, started_ns)
            await context.abort(code, text)
            raise AssertionError("abort raises")  # for the type checker

        return answer

    return decorate


class InferenceServicer(pb_grpc.GRPCInferenceServiceServicer):
    """Answers the rpcs; their names are the protocol's."""

    def __init__(self, serving: ModelServing, scoring: Scoring) -> None:
        self.counts = serving.metrics.requests.grpc
        self._serving = serving
        self._scoring = scoring

    @_rpc("health")
    async def ServerLive(self, _: pb.ServerLiveRequest) -> pb.ServerLiveResponse:  # noqa: N802
        """Answer at all."""
        return pb.ServerLiveResponse(live=True)

    @_rpc("health")
    async def ServerReady(self, _: pb.ServerReadyRequest) -> pb.ServerReadyResponse:  # noqa: N802
        """Say whether the default version is loaded."""
        return pb.ServerReadyResponse(ready=self._serving.ready)

    @_rpc("health")
    async def ModelReady(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:  # noqa: N802
        """Say whether a version is loaded; one that nobody knows is an error."""
        try:
            self._serving.versions.find(request.name, request.version)
        except NotReadyError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=True)

    @_rpc("metadata")
    async def ServerMetadata(  # noqa: N802
        self, _: pb.ServerMetadataRequest
    ) -> pb.ServerMetadataResponse:
        """Say what the server is."""
        return pb.ServerMetadataResponse(
            name=SERVER_NAME, version=SERVER_VERSION, extensions=EXTENSIONS
        )

    @_rpc("metadata")
    async def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest
    ) -> pb.ModelMetadataResponse:
        """Say what a version takes and gives."""
        versions = self._serving.versions
        model = versions.find(request.name, request.version)
        tensor = pb.ModelMetadataResponse.TensorMetadata
        return pb.ModelMetadataResponse(
            name=versions.name,
            versions=list(versions.by_digest),
            platform=PLATFORM,
            inputs=[tensor(**one._asdict()) for one in inputs_of(model)],
            outputs=[tensor(**one._asdict()) for one in outputs_of(model)],
        )

    @_rpc("infer")
    async def ModelInfer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:  # noqa: N802
        """Score rows."""
        versions = self._serving.versions
        model = versions.find(request.model_name, request.model_version)
        rows = parse_rows(request, model.feature_count, MAX_ROWS)
        wanted = _wanted_outputs(request, model) if request.outputs else DEFAULT_OUTPUTS
        outputs = await self._scoring.score(model, rows, wanted)
        self.counts.rows += len(rows)
        raw = bool(request.raw_input_contents)
        return build_response(versions.name, model.digest, outputs, request_id=request.id, raw=raw)


def _wanted_outputs(request: pb.ModelInferRequest, model: LoadedModel) -> tuple[str, ...]:
    """Return the names of the wanted outputs; one that asks for another form of answer is refused."""
    for output in request.outputs:
        for name in output.parameters:
            raise refuse_request(
                f"outputs.{output.name[:64]}",
                f"the parameter {name[:64]!r} is not known here",
                "Outputs take none.",
            )
    return check_wanted([output.name for output in request.outputs], model)
