"""A server that is told to stop answers what is under way, and no decision is lost."""

from __future__ import annotations

import threading

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.release import write_projection
from sentinel_core.store import Store
from tests.support.decision_server import serve, wait_until, wait_until_ready, wire_payment
from tests.support.pipelines import build_release

pytestmark = pytest.mark.slow

EVENTS = 1000
NOON = Timestamp(seconds=1_714_564_800)


def over_http(server):
    events = [wire_payment(f"e{n}") for n in range(EVENTS)]
    results = server.post("/score/batch", {"events": events}).raise_for_status().json()["results"]
    return [result["decision"]["event_id"] for result in results]


def over_grpc(server):
    events = [
        pb.Event(
            id=f"e{n}", occurred_at=NOON, entities={"card": "c1", "terminal": "t1"},
            transaction=pb.Transaction(amount=10.5, currency="EUR"),
        )
        for n in range(EVENTS)
    ]  # fmt: skip
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = DecisionServiceStub(channel).ScoreBatch(pb.ScoreBatchRequest(events=events))
    return [result.decision.event_id for result in answer.results]


@pytest.mark.parametrize("send", [over_http, over_grpc])
def test_a_batch_that_is_under_way_is_answered_and_recorded(bento, bentoml_home, tmp_path, send):
    write_projection(tmp_path / "releases", build_release())
    told = []
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        client = threading.Thread(target=lambda: told.extend(send(server)))
        client.start()
        wait_until(lambda: server.metric("sentinel_decisions_total") > 0, "the batch")
        server.process.stop()
        client.join()
    expected = [f"e{n}" for n in range(EVENTS)]
    store = Store.open(tmp_path / "record.db", read_only=True)
    recorded = [decision.event_id for decision in store.decisions()]
    store.close()
    assert (told == expected, recorded == expected) == (True, True)
