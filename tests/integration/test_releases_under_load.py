"""A server that is given one release after another answers everybody, each by exactly one release."""

from __future__ import annotations

import threading
from itertools import pairwise

import grpc
import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.release.projection import projection_files
from tests.support.decision_server import serve, wait_until, wait_until_ready, wire_payment
from tests.support.kubelet import KubeletVolume
from tests.support.model_pipelines import MODEL_FEATURES, RULES, model_release, write_model

pytestmark = pytest.mark.slow

SWAPS = 50
NOON = Timestamp(seconds=1_714_564_800)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Return releases by the score that each gives a card's fourth payment.

    Every one has another rule; among them the model, the features, the longest window and the bounds
    of outcomes change too.
    """
    folder = tmp_path_factory.mktemp("artifacts")
    models = [(folder / name, write_model(folder / name, seed=seed))
              for name, seed in (("one", 7), ("other", 8))]  # fmt: skip
    by_score = {}
    for number in range(SWAPS + 1):
        score = 99.0 - number / 4
        features = MODEL_FEATURES
        if number % 5 == 4:  # a longer window, for which the entity logs are built anew
            features += f"  - {{name: long, entity: card, count: {{}}, window: {number + 1}d}}\n"
        release = model_release(
            *models[number // 3 % 2],
            rules=RULES.replace("floor: 70", f"floor: {score}"),
            features=features,
        )
        fusion = release.fusion | {
            "weights": {"fraud": 0.5, "rules": 1.0},  # whatever the model says, the rule is above
            "outcomes": {"review": 40 + number % 7, "block": 85},
        }
        by_score[score] = release.model_copy(update={"fusion": fusion})
    return by_score


class Client(threading.Thread):
    """Scores the payments of one card, one after another, and keeps what it was told."""

    def __init__(self, name, stop):
        super().__init__(name=name)
        self.stop = stop
        self.told = []
        self.fault = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.told.append(self.score(f"{self.name}-{len(self.told)}"))
        except Exception as error:  # noqa: BLE001 - told to the test
            self.fault = error
        finally:
            self.connection.close()


class HttpClient(Client):
    def __init__(self, server, name, stop):
        super().__init__(name, stop)
        self.url = f"{server.addresses.url}/api/v1/score"
        self.connection = httpx.Client(timeout=120, verify=False)

    def score(self, event_id):
        answer = self.connection.post(self.url, json=wire_payment(event_id, card=self.name))
        answer.raise_for_status()
        decision = answer.json()
        return decision["release"], decision["score"]


class GrpcClient(Client):
    def __init__(self, server, name, stop):
        super().__init__(name, stop)
        self.connection = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
        self.stub = DecisionServiceStub(self.connection)

    def score(self, event_id):
        event = pb.Event(
            id=event_id, occurred_at=NOON, entities={"card": self.name, "terminal": "t1"},
            transaction=pb.Transaction(amount=10.5, currency="EUR"),
        )  # fmt: skip
        decision = self.stub.Score(pb.ScoreRequest(event=event), timeout=120).decision
        return decision.release, decision.score


def test_fifty_releases_are_taken_up_under_load_and_each_answer_is_of_exactly_one(
    bento, bentoml_home, tmp_path, releases
):
    scores, queue = {r.digest: score for score, r in releases.items()}, list(releases.values())
    volume = KubeletVolume(tmp_path / "releases")
    volume.write(projection_files(queue[0]))
    stop = threading.Event()
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        clients = [HttpClient(server, f"http-{n}", stop) for n in range(2)]
        clients.append(GrpcClient(server, "grpc", stop))
        for client in clients:
            client.start()
        for before, release in pairwise(queue):
            swap(server, volume, before, release)
        stop.set()
        for client in clients:
            client.join()
    assert [client.fault for client in clients] == [None] * len(clients)
    told = [answer for client in clients for answer in client.told[3:]]
    assert [(digest, score) for digest, score in told if scores[digest] != score] == []
    assert len({digest for digest, _ in told}) > SWAPS / 2


def swap(server, volume, before, release):
    """Bring a release in as the operator does: as a candidate, and as the stable one once loaded."""
    volume.write(projection_files(before, release))
    wait_until(lambda: server.served()["candidate"] == release.digest, "a loaded candidate")
    volume.write(projection_files(release))
    wait_until(lambda: server.served()["candidate"] is None, "a new stable release")
    served = server.served()
    assert (served["stable"], served["state"]) == (release.digest, "Ready")


def test_a_bad_candidate_never_makes_a_server_unready(bento, bentoml_home, tmp_path, releases):
    good, *_ = releases.values()
    bad = good.model_copy(update={"rules": [{"id": "nonsense"}]})
    volume = KubeletVolume(tmp_path / "releases")
    volume.write(projection_files(good))
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        volume.write(projection_files(good, bad))
        wait_until(lambda: server.served()["refused"] == bad.digest, "a refusal")
        served = server.served()
        assert (served["stable"], served["state"], served["reason"], served["candidate"]) == (
            good.digest, "Refused", "InvalidDocument", None,
        )  # fmt: skip
        assert server.admin("/readyz").status_code == 200
        assert server.post("/score", wire_payment("e")).json()["release"] == good.digest
        volume.write(projection_files(good))
        wait_until(lambda: server.served()["state"] == "Ready", "the end of the refusal")
