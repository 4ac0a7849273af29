"""A server that is open to the network lets nobody in until its keys are there, and takes them up."""

from __future__ import annotations

import hashlib

import grpc
import pytest

from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.release import write_projection
from tests.support.decision_server import serve, wait_until, wait_until_ready, wire_payment
from tests.support.kubelet import KubeletVolume
from tests.support.pipelines import build_release

pytestmark = pytest.mark.slow


def keys(name):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"keys.yaml": f"keys: [{{name: shop, sha256: {digest}, role: service}}]".encode()}


def http_status(server, key):
    headers = {"X-API-Key": key}
    body = wire_payment("e1")
    return server.client.post("/api/v1/score", json=body, headers=headers).status_code


def grpc_code(server, key):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        metadata = (("x-api-key", key),)
        with pytest.raises(grpc.RpcError) as refused:
            DecisionServiceStub(channel).Score(pb.ScoreRequest(), metadata=metadata, timeout=60)
    return refused.value.code()


def test_keys_come_rotate_and_go_without_a_restart(bento, bentoml_home, tmp_path):
    write_projection(tmp_path / "releases", build_release())
    volume = KubeletVolume(tmp_path / "keys")
    settings = {
        "SENTINEL_HOST": "0.0.0.0",
        "SENTINEL_API_KEYS_FILE": str(tmp_path / "keys" / "keys.yaml"),
    }
    with serve(bento, bentoml_home, tmp_path, **settings) as server:
        wait_until_ready(server)  # the probes need no key
        assert http_status(server, "first") == 401
        assert grpc_code(server, "first") is grpc.StatusCode.UNAUTHENTICATED
        volume.write(keys("first"))
        wait_until(lambda: http_status(server, "first") == 200, "the first key")
        assert grpc_code(server, "first") is grpc.StatusCode.INVALID_ARGUMENT
        volume.write(keys("second"))
        wait_until(lambda: http_status(server, "second") == 200, "the second key")
        assert http_status(server, "first") == 401
        volume.write({"keys.yaml": b"keys: [nonsense"})
        log = tmp_path / "serve.log"
        wait_until(lambda: "The key file is not taken up" in log.read_text(), "a line in the log")
        assert http_status(server, "second") == 200
