"""Over gRPC an event has the decision that it has over HTTP, and is refused for the same reasons."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from datetime import datetime

import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import CollectorRegistry

from sentinel_bentos.decision.auth import Caller, KeyedCallers, LocalCallers
from sentinel_bentos.decision.policy import POLICIES
from sentinel_bentos.decision.rpc.handlers import RPCS, Call
from sentinel_bentos.decision.rpc.service import (
    CODE_KEY,
    PROBLEM_KEY,
    SERVICE,
    build_grpc_server,
)
from sentinel_bentos.decision.serving import Serving
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.clock import FixedClock
from sentinel_core.telemetry import DecisionMetrics
from tests.support.application import build_serving, build_settings, grpc_application
from tests.support.decision_server import wire_payment

NOON = Timestamp(seconds=1_714_564_800)
"""2024-05-01T12:00:00Z, as `wire_payment` has it."""


def payment(event_id, *, card="c1", **payload):
    return pb.Event(
        id=event_id,
        occurred_at=NOON,
        entities={"card": card, "terminal": "t1"},
        transaction=pb.Transaction(**({"amount": 10.5, "currency": "EUR"} | payload)),
    )


def run(folder, scenario, **settings):
    """Run a scenario over a server of both protocols."""

    async def main():
        async with grpc_application(folder, **settings) as served:
            return await scenario(served)

    return asyncio.run(main())


async def refused(call):
    """Return the status, the code and the problem of a call that is refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        told = dict(error.trailing_metadata())
        problem = pb.Problem.FromString(told[PROBLEM_KEY])
        assert problem.code == told[CODE_KEY]
        return error.code(), problem
    raise AssertionError("the call was not refused")


def plain(decision):
    """Return a decision as HTTP's JSON has it."""
    told = MessageToDict(
        decision, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    created = datetime.fromisoformat(told.pop("created_at"))
    return told | {"created_at": created, "score": told.get("score")}


def test_the_same_event_over_both_is_one_decision_with_one_content(tmp_path):
    async def scenario(served):
        over_grpc = await served.stub.Score(pb.ScoreRequest(event=payment("one"), explain=True))
        over_http = await served.http.post("/api/v1/score", json=wire_payment("one"))
        again = await served.stub.Score(pb.ScoreRequest(event=payment("one")))
        return over_grpc, over_http.json(), again

    over_grpc, over_http, again = run(tmp_path, scenario)
    over_http["created_at"] = datetime.fromisoformat(over_http["created_at"])
    for signal in over_http["signals"]:
        if signal["score"] is None:
            del signal["score"]
    assert plain(over_grpc.decision) == over_http
    assert over_grpc.SerializeToString(deterministic=True) == again.SerializeToString(
        deterministic=True
    )


def test_an_event_that_http_decided_has_its_decision_over_grpc(tmp_path):
    async def scenario(served):
        first = await served.http.post("/api/v1/score", json=wire_payment("first"))
        return first.json()["id"], await served.stub.Score(pb.ScoreRequest(event=payment("first")))

    decision_id, answer = run(tmp_path, scenario)
    assert answer.decision.id == decision_id


def test_every_field_of_a_payload_reaches_the_event(tmp_path):
    full = {
        "amount": 0.0, "currency": "EUR", "mcc": "5411", "country": "DE", "channel": "chip",
        "lat": 52.5, "lon": 13.25, "vector": [1.0, -2.5],
    }  # fmt: skip

    async def scenario(served):
        await served.stub.Score(pb.ScoreRequest(event=payment("full", **full)))
        return await served.http.post("/api/v1/score", json=wire_payment("full", payload=full))

    assert run(tmp_path, scenario).status_code == 200


def test_another_body_under_a_known_id_is_there_already(tmp_path):
    async def scenario(served):
        await served.http.post("/api/v1/score", json=wire_payment("taken"))
        other = payment("taken", amount=11.0)
        return await refused(served.stub.Score(pb.ScoreRequest(event=other)))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.ALREADY_EXISTS, "conflict")


FAULTS = [
    (pb.Event(), ["type"]),
    (payment("e", amount=-1.0), ["payload.amount"]),
    (payment("e", amount=float("nan")), ["payload.amount"]),
    (payment("e", currency="EURO"), ["payload.currency"]),
    (payment(""), ["id"]),
    (pb.Event(id="e", occurred_at=NOON, transaction=pb.Transaction(currency="EUR")),
     ["payload.amount"]),
    (pb.Event(id="e", transaction=pb.Transaction(amount=1.0, currency="EUR")), ["occurred_at"]),
    (pb.Event(id="e", occurred_at=Timestamp(seconds=10**12),
              transaction=pb.Transaction(amount=1.0, currency="EUR")), ["occurred_at"]),
    (pb.Event(id="e", occurred_at=Timestamp(seconds=1_714_564_800, nanos=5),
              transaction=pb.Transaction(amount=1.0, currency="EUR")), ["occurred_at"]),
    (payment("e", card="4111 1111 1111 1111"), ["entities.card"]),
]  # fmt: skip


@pytest.mark.parametrize(("event", "locations"), FAULTS)
def test_an_event_that_is_not_valid_is_refused_at_its_fields(tmp_path, event, locations):
    async def scenario(served):
        return await refused(served.stub.Score(pb.ScoreRequest(event=event)))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid_event")
    assert [one.location for one in problem.errors] == locations


def test_the_tenant_of_another_is_not_found(tmp_path):
    async def scenario(served):
        event = payment("e")
        event.tenant = "other"
        return await refused(served.stub.Score(pb.ScoreRequest(event=event)))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.NOT_FOUND, "not_found")


@pytest.mark.parametrize(
    ("data", "location"),
    [
        (b"\xff\xff\xff", "message"),
        (b"\x98\x06\x01", "field 99"),
        (pb.ScoreRequest(event=pb.Event(id="e")).SerializeToString() + b"\n\x03\x98\x06\x01",
         "event.field 99"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_not_passed_over(tmp_path, data, location):
    async def scenario(served):
        call = served.channel.unary_unary(f"/{SERVICE}/Score")
        return await refused(call(data))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid_request")
    assert [one.location for one in problem.errors] == [location]


def test_a_request_over_its_limit_is_refused(tmp_path):
    async def scenario(served):
        event = payment("e")
        event.entities["device"] = "d" * 70_000
        return await refused(served.stub.Score(pb.ScoreRequest(event=event)))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too_large")


def test_many_long_faults_still_reach_the_client(tmp_path):
    async def scenario(served):
        event = payment("e")
        for number in range(8):
            event.entities[f"{number}" * 5_000] = "x"
        return await refused(served.stub.Score(pb.ScoreRequest(event=event)))

    code, problem = run(tmp_path, scenario)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert max(len(one.location) for one in problem.errors) <= 160


def test_faults_beyond_the_first_ten_are_counted(tmp_path):
    async def scenario(served):
        event = payment("e", vector=[1.0, *[float("inf")] * 29])
        return await refused(served.stub.Score(pb.ScoreRequest(event=event)))

    _, problem = run(tmp_path, scenario)
    assert len(problem.errors) == 10
    assert problem.detail.endswith("19 more faults are not told here.")


def test_a_batch_keeps_its_order_and_gives_each_event_its_own_result(tmp_path):
    async def scenario(served):
        events = [
            payment("b1"), payment("b2", amount=-1.0), payment("b3"), payment("b1"),
            payment("b3", card="other"),
        ]  # fmt: skip
        answer = await served.stub.ScoreBatch(pb.ScoreBatchRequest(events=events))
        empty = await refused(served.stub.ScoreBatch(pb.ScoreBatchRequest()))
        return answer.results, empty

    results, (code, _) = run(tmp_path, scenario)
    assert [r.problem.code or r.decision.event_id for r in results] == [
        "b1", "invalid_event", "b3", "b1", "conflict",
    ]  # fmt: skip
    assert results[0] == results[3]
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_record_is_that_of_http(tmp_path):
    async def scenario(served):
        scored = await served.stub.Score(pb.ScoreRequest(event=payment("rec")))
        request = pb.GetDecisionRequest(id=scored.decision.id)
        record = (await served.stub.GetDecision(request)).record
        over_http = await served.http.get(f"/api/v1/decisions/{scored.decision.id}")
        return record, over_http.json(), scored

    record, over_http, scored = run(tmp_path, scenario)
    assert record.decision == scored.decision
    assert {f.name: f.value if f.HasField("value") else None for f in record.features} == (
        over_http["features"]
    )
    same = ("event_digest", "seq", "tenant", "explained", "feature_spec", "artifacts", "runtime")
    told = MessageToDict(
        record, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert {name: told[name] for name in same} | {"seq": int(told["seq"])} == {
        name: over_http[name] for name in same
    }
    assert dict(record.stage_us) == over_http["stage_us"]
    assert [(s.signal.name, s.kind, s.raw) for s in record.signals] == [
        (s["name"], s["kind"], s["raw"]) for s in over_http["signals"]
    ]


def test_a_decision_is_replayed_and_its_event_has_feedback(tmp_path):
    async def scenario(served):
        scored = await served.stub.Score(pb.ScoreRequest(event=payment("told")))
        replay = await served.stub.Replay(pb.ReplayRequest(id=scored.decision.id))
        request = pb.FeedbackRequest(event_id="told", verdict="confirmed_fraud", note="by phone")
        first, again = await served.stub.Feedback(request), await served.stub.Feedback(request)
        wrong = pb.FeedbackRequest(event_id="told", verdict="perhaps")
        missing = pb.FeedbackRequest(event_id="nobody", verdict="escalated")
        return replay, first, again, [
            await refused(served.stub.Feedback(one)) for one in (wrong, missing)
        ]  # fmt: skip

    replay, first, again, refusals = run(tmp_path, scenario)
    assert (replay.equal, replay.proved) == (True, "bits")
    assert (first.label, first.repeated, again.repeated) == ("fraud", False, True)
    assert [(code, problem.code) for code, problem in refusals] == [
        (grpc.StatusCode.INVALID_ARGUMENT, "invalid_request"),
        (grpc.StatusCode.NOT_FOUND, "not_found"),
    ]


@pytest.mark.parametrize("rpc", ["GetDecision", "Replay"])
def test_a_decision_that_is_not_there_is_not_found(tmp_path, rpc):
    async def scenario(served):
        request = {"GetDecision": pb.GetDecisionRequest, "Replay": pb.ReplayRequest}[rpc]
        return await refused(getattr(served.stub, rpc)(request(id=f"dec_{'0' * 32}")))

    code, problem = run(tmp_path, scenario)
    assert (code, problem.code) == (grpc.StatusCode.NOT_FOUND, "not_found")


def keys(*roles):
    return KeyedCallers(
        tuple(
            (hashlib.sha256(role.encode()).digest(), Caller(role, "default", role))
            for role in roles
        )
    )


@pytest.mark.parametrize("rpc", RPCS, ids=[rpc.name for rpc in RPCS])
def test_an_rpc_lets_in_the_roles_of_its_route_and_nobody_else(tmp_path, rpc):
    roles = ("viewer", "analyst", "lead", "admin", "service")

    async def scenario(served):
        call = getattr(served.stub, rpc.name)
        told = {}
        for role in (*roles, "nobody"):
            try:
                await call(rpc.request(), metadata=(("x-api-key", role),))
                told[role] = grpc.StatusCode.OK
            except grpc.aio.AioRpcError as error:
                told[role] = error.code()
        return told

    told = run(tmp_path, scenario, callers=keys(*roles))
    shut = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    assert {role for role, code in told.items() if code not in shut} == POLICIES[rpc.policy_key]
    assert told["nobody"] is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("metadata", [(("x-api-key", "service"),),
                                      (("authorization", "Bearer service"),)])  # fmt: skip
def test_a_key_is_taken_from_either_metadata(tmp_path, metadata):
    async def scenario(served):
        request = pb.ScoreRequest(event=payment("e"))
        answer = await served.stub.Score(request, metadata=metadata)
        return answer, await refused(served.stub.Score(request))

    answer, (code, problem) = run(tmp_path, scenario, callers=keys("service"))
    assert answer.decision.event_id == "e"
    assert (code, problem.code) == (grpc.StatusCode.UNAUTHENTICATED, "unauthenticated")


def test_health_and_reflection_answer(tmp_path):
    async def scenario(served):
        health = health_pb2_grpc.HealthStub(served.channel)
        status = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        reflection = reflection_pb2_grpc.ServerReflectionStub(served.channel)
        asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
        answers = [answer async for answer in reflection.ServerReflectionInfo(iter([asked]))]
        return status.status, answers

    status, (answer,) = run(tmp_path, scenario)
    assert status == health_pb2.HealthCheckResponse.SERVING
    assert len(answer.file_descriptor_response.file_descriptor_proto) >= 1


@pytest.mark.parametrize(
    ("left_seconds", "expected_ms"), [(None, 1000), (5.0, 1000), (0.25, 250), (-1.0, -1000)]
)
def test_a_call_ends_by_the_client_s_deadline_or_the_budget_whichever_comes_first(
    left_seconds, expected_ms
):
    serving = Serving(DecisionMetrics(CollectorRegistry()), FixedClock(0))
    caller = Caller("local", "default", "admin")
    call = Call(serving, None, caller, left_seconds)
    assert call.deadline_ns(1000) == expected_ms * 1_000_000


def test_a_record_that_hangs_is_unavailable_within_the_budget(tmp_path):
    async def scenario(served):
        blocker = sqlite3.connect(tmp_path / "state" / "record.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        code, problem = await refused(served.stub.Score(pb.ScoreRequest(event=payment("p1"))))
        blocker.execute("ROLLBACK")
        blocker.close()
        return code, problem

    code, problem = run(tmp_path, scenario, budget_ms=200)
    assert (code, problem.code, problem.retryable) == (
        grpc.StatusCode.UNAVAILABLE, "store_unavailable", True,
    )  # fmt: skip


def test_before_anything_is_served_calls_are_asked_to_come_again(tmp_path):
    async def scenario():
        server = build_grpc_server(build_serving(), build_settings(tmp_path), LocalCallers())
        port = await server.start("127.0.0.1", 0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub, health = DecisionServiceStub(channel), health_pb2_grpc.HealthStub(channel)
            told = await refused(stub.Score(pb.ScoreRequest(event=payment("e"))))
            status = (await health.Check(health_pb2.HealthCheckRequest())).status
        await server.stop(farewell_seconds=0)
        return told, status

    (code, problem), status = asyncio.run(scenario())
    assert (code, problem.code) == (grpc.StatusCode.UNAVAILABLE, "not_ready")
    assert status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_calls_are_counted_by_rpc_and_code(tmp_path):
    async def scenario(served):
        await served.stub.Score(pb.ScoreRequest(event=payment("e")))
        await refused(served.stub.Score(pb.ScoreRequest()))
        rpcs = served.serving.metrics.rpcs
        return [rpcs.labels("Score", code)._value.get() for code in ("OK", "INVALID_ARGUMENT")]

    assert run(tmp_path, scenario) == [1.0, 1.0]
