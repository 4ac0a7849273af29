"""The decision service on its port: who may call, what goes wrong, and how it is told.

Requests arrive as bytes and are read here, so that one which is no message is refused like any other
fault of a request.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from sentinel_bentos.decision.auth import LOCAL_HOSTS, Callers
from sentinel_bentos.decision.bodies import MAX_BATCH_BYTES
from sentinel_bentos.decision.policy import NOBODY, POLICIES, admit
from sentinel_bentos.decision.problems import answer_to, faults_of
from sentinel_bentos.decision.rpc.answers import problem_message
from sentinel_bentos.decision.rpc.handlers import RPCS, Call, Rpc
from sentinel_bentos.decision.rpc.requests import MAX_TOLD_PROBLEMS, parse_message
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.decision.settings import Settings
from sentinel_bentos.inner_grpc import InnerGrpcServer, Limits
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.errors import SentinelError, UnexpectedError

SERVICE = pb.DESCRIPTOR.services_by_name["DecisionService"].full_name
CODE_KEY, PROBLEM_KEY = "sentinel-code", "sentinel-problem-bin"
MAX_TOLD_CHARACTERS = 160
"""Of each text about a fault in the metadata of an answer, of which clients refuse more than 8 KiB
(gRPC's default), and with it the status."""

_log = logging.getLogger("sentinel.grpc")
_OK = grpc.StatusCode.OK.name

Answer = Callable[[bytes, Any], Awaitable[Message]]


def build_grpc_server(serving: Serving, settings: Settings, callers: Callers) -> InnerGrpcServer:
    """Build the server over what is served; it may be built before anything is ready."""

    def add_service(server: Any) -> None:
        handlers = {
            rpc.name: grpc.unary_unary_rpc_method_handler(
                _answer(rpc, serving, settings, callers), response_serializer=_serialize
            )
            for rpc in RPCS
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    limits = Limits(MAX_BATCH_BYTES, settings.longest_call_seconds, settings.drain_seconds)
    return InnerGrpcServer(SERVICE, add_service, limits)


def _answer(rpc: Rpc, serving: Serving, settings: Settings, callers: Callers) -> Answer:
    """Return the function that answers an rpc; every error becomes a status."""
    policy = POLICIES.get(rpc.policy_key, NOBODY)
    assert policy is not None  # no rpc is public
    count = serving.metrics.rpcs

    async def answer(data: bytes, context: Any) -> Message:
        try:
            caller = admit(callers, _headers_of(context), policy)
            request = parse_message(data, rpc.request, rpc.max_bytes)
            call = Call(serving, settings, caller, context.time_remaining())
            response = await rpc.handle(call, request)
        except SentinelError as error:
            refusal: SentinelError = error
        except Exception:  # noqa: BLE001 - logged, and answered as a status
            _log.exception("A call of %s could not be answered.", rpc.name)
            refusal = UnexpectedError(
                "The server met an error that it did not expect.",
                user_action="Look into the server's log; if it is not there, report it as a bug.",
            )
        else:
            count.labels(rpc.name, _OK).inc()
            return response
        code = answer_to(refusal).grpc
        count.labels(rpc.name, code.name).inc()
        await context.abort(code, _shorten(_one_line(refusal), 500), _metadata(refusal))
        raise AssertionError  # abort raises; this is for the type checker

    return answer


def _headers_of(context: Any) -> dict[str, str]:
    """Return a call's metadata as the headers of a request to this machine.

    The check of the host is about browsers that were made to call it, and those do not speak gRPC.
    """
    texts = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    return {**texts, "host": LOCAL_HOSTS[0]}


def _metadata(error: SentinelError) -> tuple[tuple[str, str | bytes], ...]:
    """Tell a refusal to programs, within what clients take."""
    problem = problem_message(error, MAX_TOLD_PROBLEMS)
    problem.detail = _shorten(problem.detail, 500)
    left_out = len(faults_of(error)) - MAX_TOLD_PROBLEMS
    if left_out > 0:
        problem.detail += f" {left_out} more faults are not told here."
    for one in problem.errors:
        for name in ("location", "message", "hint"):
            setattr(one, name, _shorten(getattr(one, name), MAX_TOLD_CHARACTERS))
    return ((CODE_KEY, problem.code), (PROBLEM_KEY, problem.SerializeToString()))


def _one_line(error: SentinelError) -> str:
    return " ".join(line.strip() for line in str(error).splitlines())


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _serialize(message: Message) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data
