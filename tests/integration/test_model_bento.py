"""The built model Bento, as its clients meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import build_request, parse_outputs
from tests.support.artifacts import write_small_artifact
from tests.support.decision_server import wait_until
from tests.support.inference_load import GrpcClient, HttpClient, running
from tests.support.malformed_inference import MALFORMED
from tests.support.model_server import NAME, assigned, serve_model, wait_until_served

pytestmark = pytest.mark.slow

ROWS = [[1.5, None, -2.0], [0.0, 3.0, 2.5]]
MATRIX = np.array(ROWS, dtype=np.float32)
SWAPS = 6
ENDS = 3


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """Two artifacts of other trees, as artifacts.json names them."""
    places = [tmp_path_factory.mktemp("artifacts") / str(seed) for seed in (1, 2)]
    return [assigned(p, write_small_artifact(p, seed=s)) for s, p in enumerate(places, start=1)]


@pytest.fixture(scope="module")
def server(model_bento, bentoml_home, tmp_path_factory, artifacts):
    with serve_model(
        model_bento, bentoml_home, tmp_path_factory.mktemp("model"), *artifacts
    ) as running_server:
        wait_until_served(running_server, artifacts[0]["digest"])
        wait_until(lambda: len(running_server.served()["loaded"]) == 2, "the other version")
        yield running_server


def predict(artifact):
    return LoadedModel(read_artifact(Path(artifact["uri"].removeprefix("file://")))).predict(MATRIX)


def test_triton_s_clients_get_what_the_model_says_over_both_protocols(server, artifacts):
    first, second = artifacts
    command = [
        sys.executable, "-m", "tests.support.triton_client", str(server.addresses.port),
        str(server.grpc_port), first["digest"], second["digest"],
    ]  # fmt: skip
    root = Path(__file__).parents[2]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    (margin, probability), (other_margin, other_probability) = predict(first), predict(second)
    outputs = {"probability": probability.tolist(), "margin": margin.tolist()}
    as_json = said["http"].pop("as_json")
    assert as_json == {name: values[1:] for name, values in outputs.items()}
    for one in said.values():
        every, unknown = one.pop("every"), one.pop("unknown")
        assert one == {
            "live": True, "ready": True, "model_ready": True, "version_ready": True,
            "server": "sentinel-model", "versions": [first["digest"], second["digest"]],
            "inputs": ["input"], "id": "7", "version": first["digest"],
            "default": outputs, "not_asked_for": True,
            "other": {"probability": other_probability.tolist(), "margin": other_margin.tolist()},
        }  # fmt: skip
        assert {name: every[name] for name in outputs} == outputs
        sums = np.sum(every["contributions"], axis=1) + every["base_value"]
        assert sums == pytest.approx(margin, abs=1e-5)
        assert "There is no version 'unknown' of card-fraud" in unknown
    assert said["http"] == said["grpc"]


def test_a_row_by_the_names_of_its_features_is_predicted(server, artifacts):
    margin, probability = predict(artifacts[0])
    features = {"amount": 1.5, "card_count_1d": None, "terminal_risk_28d": -2.0}
    told = httpx.post(
        f"{server.addresses.admin_url}/predict", json={"features": features}, verify=False
    )
    assert told.json() == {
        "probability": float(probability[0]), "margin": float(margin[0]),
        "digest": artifacts[0]["digest"],
    }  # fmt: skip


def test_a_row_that_lacks_a_feature_is_refused_with_those_there_are(server):
    told = httpx.post(
        f"{server.addresses.admin_url}/predict", json={"features": {"amount": 1}}, verify=False
    )
    assert told.status_code == 400
    assert "The model takes amount, card_count_1d, terminal_risk_28d" in told.json()["error"]


def test_the_inner_port_has_probes_metrics_and_what_is_served(server, artifacts):
    server.infer(ROWS)
    statuses = [server.admin(path).status_code for path in ("/livez", "/readyz", "/metrics")]
    assert statuses == [200, 200, 200]
    assert server.metric("sentinel_model_requests_total", 'protocol="http"', 'code="200"') >= 1
    assert server.served()["stable"] == artifacts[0]["digest"]


@pytest.mark.parametrize("path", ["/metrics", "/served", "/predict", "/livez"])
def test_what_is_for_operators_is_not_on_the_public_port(server, path):
    assert server.client.get(path).status_code == 404


def test_after_every_malformed_request_the_server_is_well(server, artifacts):
    for case in MALFORMED:
        refused = server.client.request(
            case.method, case.path, content=case.body, headers=case.headers
        )
        assert (refused.status_code, list(refused.json())) == (case.status, ["error"]), case.title
        assert case.words in refused.json()["error"], case.title
    answer = server.infer(ROWS).json()
    assert answer["outputs"][1]["data"] == predict(artifacts[0])[0].tolist()
    assert server.admin("/readyz").status_code == 200


def test_bytes_that_are_no_http_and_no_grpc_end_nothing(server, artifacts):
    for port in (server.addresses.port, server.grpc_port):
        for noise in (b"\0" * 100, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, b"PRI * HTTP/2.0"):
            server.send_noise(port, noise)
    assert server.infer(ROWS).status_code == 200
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = GRPCInferenceServiceStub(channel).ModelInfer(build_request(NAME, "", MATRIX))
    assert parse_outputs(answer)["margin"].tolist() == predict(artifacts[0])[0].tolist()


def test_an_artifact_changes_under_load_without_an_error_or_a_mixed_answer(
    model_bento, bentoml_home, tmp_path, artifacts
):
    expected = {one["digest"]: predict(one)[0].tobytes() for one in artifacts}
    with serve_model(model_bento, bentoml_home, tmp_path, artifacts[0]) as server:
        wait_until_served(server, artifacts[0]["digest"])
        http = [HttpClient(server.addresses.url, MATRIX) for _ in range(4)]
        rpc = [GrpcClient(server.grpc_port, MATRIX) for _ in range(4)]
        with running(*http, *rpc):
            for swap in range(1, SWAPS + 1):
                server.assign(artifacts[swap % 2])
                wait_until_served(server, artifacts[swap % 2]["digest"])
    for client in (*http, *rpc):
        assert client.failures == []
        assert {answer.version for answer in client.answers} == set(expected)
        assert {(a.version, a.margin) for a in client.answers} == set(expected.items())


def test_a_wrong_artifact_keeps_the_old_one_on(model_bento, bentoml_home, tmp_path, artifacts):
    wrong = artifacts[1] | {"digest": f"sha256:{'0' * 64}"}
    with serve_model(model_bento, bentoml_home, tmp_path, artifacts[0]) as server:
        wait_until_served(server, artifacts[0]["digest"])
        server.assign(wrong)
        wait_until(lambda: server.served()["state"] == "Refused", "a refusal")
        served = server.served()
        assert (served["stable"], served["reason"], served["refused"]) == (
            artifacts[0]["digest"], "DigestMismatch", wrong["digest"],
        )  # fmt: skip
        assert server.infer(ROWS).json()["model_version"] == artifacts[0]["digest"]
        assert server.admin("/readyz").status_code == 200


def test_without_an_artifact_the_server_waits_and_starts_when_there_is_one(
    model_bento, bentoml_home, tmp_path, artifacts
):
    with serve_model(model_bento, bentoml_home, tmp_path) as server:
        wait_until(lambda: server.served()["reason"], "a reason")
        assert server.admin("/readyz").status_code == 503
        assert server.client.get("/v2/health/live").status_code == 200
        assert server.client.get("/v2/health/ready").status_code == 503
        assert server.infer(ROWS).status_code == 503
        server.assign(artifacts[0])
        wait_until_served(server, artifacts[0]["digest"])
        assert server.infer(ROWS).status_code == 200


def test_settings_that_are_refused_are_told_and_end_nothing(model_bento, bentoml_home, tmp_path):
    with serve_model(model_bento, bentoml_home, tmp_path, SENTINEL_MODEL_NAME="No Name") as server:
        served = server.served()
        assert (served["state"], served["reason"]) == ("Refused", "Configuration")
        assert "SENTINEL_MODEL_NAME" in served["message"]
        with pytest.raises(httpx.ConnectError):
            server.client.get("/v2")


@pytest.mark.parametrize("end", range(ENDS))
def test_a_server_that_is_told_to_stop_under_load_loses_no_request(
    model_bento, bentoml_home, tmp_path, artifacts, end
):
    with serve_model(model_bento, bentoml_home, tmp_path, artifacts[0]) as server:
        wait_until_served(server, artifacts[0]["digest"])
        http = [HttpClient(server.addresses.url, MATRIX) for _ in range(8)]
        rpc = [GrpcClient(server.grpc_port, MATRIX) for _ in range(8)]
        with running(*http, *rpc, until_sent_away=True):
            wait_until(lambda: all(c.answers for c in (*http, *rpc)), "first answers")
            os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: server.process.exit_code is not None, "the end")
    assert [failure for client in (*http, *rpc) for failure in client.failures] == []
