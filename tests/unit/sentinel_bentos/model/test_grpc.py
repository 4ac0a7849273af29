"""The inference protocol over gRPC: what it answers, and how it refuses."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sentinel_bentos.model.grpc_server import SERVICE, GrpcServer
from sentinel_bentos.model.grpc_servicer import InferenceServicer
from sentinel_bentos.model.scoring import Scoring
from sentinel_core.errors import ConfigurationError
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip.client import CLOSE_SECONDS
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import build_request, parse_outputs
from tests.support.application import become
from tests.support.model_application import ModelFolder, sample, serving_model
from tests.support.model_server import NAME

ROWS = np.array([[1.5, np.nan, -2.0], [0.0, 3.0, 2.5]], dtype=np.float32)
CODES = grpc.StatusCode


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


@asynccontextmanager
async def grpc_channel(models, *artifacts):
    """Return a channel to a server of its own, once the artifacts are loaded, and what it serves."""
    async with serving_model(models) as serving:
        if artifacts:
            models.assign(*artifacts)
            await become(lambda: len(serving.versions.by_digest) == len(artifacts))
        scoring = Scoring()
        server = GrpcServer(InferenceServicer(serving, scoring))
        port = await server.start("127.0.0.1", 0)
        await server.announce(serving=serving.ready)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel, serving
        finally:
            await server.stop(farewell_seconds=0)
            scoring.close()


def call(models, rpc, request, artifacts=None):
    async def send():
        given = [models.write(1)] if artifacts is None else artifacts
        async with grpc_channel(models, *given) as (channel, _):
            return await getattr(GRPCInferenceServiceStub(channel), rpc)(request)

    return asyncio.run(send())


def refusal(models, request, artifacts=None, rpc="ModelInfer"):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(models, rpc, request, artifacts)
    return raised.value.code(), raised.value.details()


def test_an_answer_has_model_version_id_and_both_outputs(models):
    artifact = models.write(1)
    margin, probability = models.load(artifact).predict(ROWS)
    answer = call(models, "ModelInfer", build_request(NAME, "", ROWS, request_id="42"))
    assert (answer.model_name, answer.model_version, answer.id) == (NAME, artifact["digest"], "42")
    found = parse_outputs(answer)
    assert {n: v.tobytes() for n, v in found.items()} == {
        "probability": probability.tobytes(), "margin": margin.tobytes(),
    }  # fmt: skip


def test_a_client_that_sends_numbers_is_answered_with_numbers(models):
    request = pb.ModelInferRequest(model_name=NAME)
    tensor = request.inputs.add(name="input", datatype="FP32", shape=[2, 3])
    tensor.contents.fp32_contents.extend(ROWS.ravel().tolist())
    answer = call(models, "ModelInfer", request)
    assert (len(answer.raw_output_contents), len(answer.outputs[0].contents.fp32_contents)) == (
        0,
        2,
    )


def test_contributions_and_base_value_add_up_to_the_margin(models):
    wanted = ("contributions", "base_value", "margin")
    found = parse_outputs(call(models, "ModelInfer", build_request(NAME, "", ROWS, outputs=wanted)))
    sums = found["contributions"].sum(axis=1) + found["base_value"]
    assert sums == pytest.approx(found["margin"], abs=1e-5)


def test_a_named_version_is_asked_instead_of_the_default_one(models):
    first, second = models.write(1), models.write(2)
    request = build_request(NAME, second["digest"], ROWS)
    answer = call(models, "ModelInfer", request, [first, second])
    margin, _ = models.load(second).predict(ROWS)
    assert parse_outputs(answer)["margin"].tobytes() == margin.tobytes()


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (build_request("other", "", ROWS), CODES.NOT_FOUND, "There is no model 'other'"),
        (build_request(NAME, "1", ROWS), CODES.NOT_FOUND, "There is no version '1'"),
        (build_request(NAME, "", ROWS[:, :2]), CODES.INVALID_ARGUMENT, "not [rows, 3]"),
        (
            build_request(NAME, "", np.zeros((10_001, 3), dtype=np.float32)),
            CODES.INVALID_ARGUMENT, "Send them in several requests",
        ),
        (
            build_request(NAME, "", ROWS, outputs=["score"]),
            CODES.INVALID_ARGUMENT, "outputs: the model has no output 'score'",
        ),
        (pb.ModelInferRequest(model_name=NAME), CODES.INVALID_ARGUMENT, "The inputs are none"),
    ],
)  # fmt: skip
def test_a_faulty_call_is_refused_with_what_to_do(models, request_, code, words):
    found, details = refusal(models, request_)
    assert (found, words in details) == (code, True), details


def test_an_output_with_a_parameter_that_asks_for_another_answer_is_refused(models):
    request = build_request(NAME, "", ROWS, outputs=["margin"])
    request.outputs[0].parameters["classification"].int64_param = 2
    code, details = refusal(models, request)
    assert (code, "'classification' is not known" in details) == (CODES.INVALID_ARGUMENT, True)


def test_a_message_over_the_limit_is_refused(models):
    code, _ = refusal(models, build_request(NAME, "", np.zeros((400_000, 3), dtype=np.float32)))
    assert code == CODES.RESOURCE_EXHAUSTED


def test_before_a_model_is_loaded_calls_are_to_be_tried_again(models):
    code, details = refusal(models, build_request(NAME, "", ROWS), artifacts=[])
    assert (code, "try again" in details) == (CODES.UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("rpc", "request_", "loaded", "empty"),
    [
        ("ServerLive", pb.ServerLiveRequest(), "live: true", "live: true"),
        ("ServerReady", pb.ServerReadyRequest(), "ready: true", ""),
        ("ModelReady", pb.ModelReadyRequest(name=NAME), "ready: true", ""),
    ],
)
def test_liveness_and_readiness(models, rpc, request_, loaded, empty):
    said = [str(call(models, rpc, request_, given)).strip() for given in ([], None)]
    assert said == [empty, loaded]


def test_readiness_of_a_model_that_nobody_knows_is_an_error(models):
    code, _ = refusal(models, pb.ModelReadyRequest(name="other"), rpc="ModelReady")
    assert code == CODES.NOT_FOUND


def test_server_and_model_describe_themselves(models):
    server = call(models, "ServerMetadata", pb.ServerMetadataRequest())
    assert (server.name, list(server.extensions)) == ("sentinel-model", ["binary_tensor_data"])
    artifact = models.write(1)
    model = call(models, "ModelMetadata", pb.ModelMetadataRequest(name=NAME))
    assert (model.name, list(model.versions)) == (NAME, [artifact["digest"]])
    assert {t.name: (t.datatype, list(t.shape)) for t in (*model.inputs, *model.outputs)} == {
        "input": ("FP32", [-1, 3]),
        "probability": ("FP32", [-1]),
        "margin": ("FP32", [-1]),
        "contributions": ("FP32", [-1, 3]),
        "base_value": ("FP32", [1]),
    }


@pytest.mark.parametrize("service", ["", SERVICE])
def test_the_health_service_tells_whether_to_ask_this_server(models, service):
    request = health_pb2.HealthCheckRequest(service=service)

    async def check(*artifacts):
        async with grpc_channel(models, *artifacts) as (channel, _):
            answer = await health_pb2_grpc.HealthStub(channel).Check(request)
            return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    assert asyncio.run(check()) == "NOT_SERVING"
    assert asyncio.run(check(models.write(1))) == "SERVING"


def test_reflection_describes_every_service(models):
    async def describe():
        asked = reflection_pb2.ServerReflectionRequest
        async with grpc_channel(models) as (channel, _):
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            listed = await anext(aiter(stub.ServerReflectionInfo(iter([asked(list_services="")]))))
            names = sorted(service.name for service in listed.list_services_response.service)
            requests = iter([asked(file_containing_symbol=name) for name in names])
            answers = [a async for a in stub.ServerReflectionInfo(requests)]
            return names, answers

    names, answers = asyncio.run(describe())
    assert names == [
        "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE,
    ]  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    for answer in answers:
        for data in answer.file_descriptor_response.file_descriptor_proto:
            pool.Add(descriptor_pb2.FileDescriptorProto.FromString(data))
    assert "ModelInfer" in pool.FindServiceByName(SERVICE).methods_by_name


def test_calls_are_counted_by_operation_and_code(models):
    async def count():
        async with grpc_channel(models, models.write(1)) as (channel, serving):
            stub = GRPCInferenceServiceStub(channel)
            await stub.ModelInfer(build_request(NAME, "", ROWS))
            await stub.ServerLive(pb.ServerLiveRequest())
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.ModelInfer(build_request("other", "", ROWS))
            return {
                (operation, code): sample(
                    serving, "sentinel_model_requests_total",
                    protocol="grpc", operation=operation, code=code,
                )
                for operation, code in (("infer", "OK"), ("infer", "NOT_FOUND"), ("health", "OK"))
            }  # fmt: skip

    assert asyncio.run(count()) == {
        ("infer", "OK"): 1, ("infer", "NOT_FOUND"): 1, ("health", "OK"): 1,
    }  # fmt: skip


def test_a_connection_s_end_leaves_a_pipeline_s_call_its_time(models):
    async def build():
        async with serving_model(models) as serving:
            return GrpcServer(InferenceServicer(serving, Scoring())).limits

    assert (
        dict(asyncio.run(build()).options())["grpc.max_connection_age_grace_ms"]
        == CLOSE_SECONDS * 1000
    )


def test_an_address_that_cannot_be_opened_is_named(models):
    async def start():
        async with serving_model(models) as serving:
            server = GrpcServer(InferenceServicer(serving, Scoring()))
            # An address of documentation (RFC 5737), which no machine has.
            await server.start("192.0.2.1", 3001)

    with pytest.raises(ConfigurationError, match=r"The port 3001 of 192\.0\.2\.1"):
        asyncio.run(start())
