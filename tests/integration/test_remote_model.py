"""A decision server and a model server, both real: what one does while the other hangs, and after."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess

import pytest

from sentinel_bentos.build import find_or_build
from sentinel_core.release.document import ModelFailure
from sentinel_core.release.projection import projection_files
from tests.support.decision_server import serve, wait_until, wait_until_ready, wire_payment
from tests.support.kubelet import KubeletVolume
from tests.support.model_pipelines import model_release, write_model
from tests.support.model_server import assigned, serve_model, wait_until_served

pytestmark = pytest.mark.slow

PATIENT_MS = 10_000
"""A deadline that a busy machine keeps."""


@pytest.fixture(scope="module")
def model_bento(bentoml_home):
    found, _ = find_or_build(bentoml_home, "model")
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    return {
        folder / name: write_model(folder / name, seed=seed) for name, seed in (("a", 7), ("b", 8))
    }


@pytest.fixture
def model_server(model_bento, bentoml_home, tmp_path, models):
    (folder, model), *_ = models.items()
    artifact = assigned(folder, model.digest)
    with serve_model(model_bento, bentoml_home, tmp_path / "model", artifact) as running:
        wait_until_served(running, model.digest)
        yield running


def remote(models, server, index=0, **changes):
    folder, model = list(models.items())[index]
    url = f"dns:///127.0.0.1:{server.grpc_port}"
    values = {"deadline_ms": PATIENT_MS, "on_failure": ModelFailure(action="Skip")} | changes
    return model_release(folder, model, grpc_url=url, **values)


def score(server, event_id):
    answer = server.client.post("/api/v1/score?explain=true", json=wire_payment(event_id))
    answer.raise_for_status()
    return answer.json()


def workers(process):
    """Return the processes that a server is made of."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    )
    return [int(pid) for pid in listed.stdout.split()]


def signal_all(server, number):
    for pid in workers(server):
        os.kill(pid, number)


def test_a_hung_model_server_degrades_decisions_and_one_that_goes_on_ends_that(
    bento, bentoml_home, tmp_path, models, model_server
):
    volume = KubeletVolume(tmp_path / "releases")
    volume.write(projection_files(remote(models, model_server)))
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        before = score(server, "before")
        hurried = remote(models, model_server, deadline_ms=20)
        volume.write(projection_files(hurried))
        wait_until(lambda: server.served()["stable"] == hurried.digest, "a short deadline")
        signal_all(model_server, signal.SIGSTOP)
        try:
            hung = score(server, "hung")
        finally:
            signal_all(model_server, signal.SIGCONT)
        volume.write(projection_files(remote(models, model_server)))
        wait_until(lambda: not score_anew(server)["degraded"], "answers of the model server")
        replays = [
            server.client.post(f"/api/v1/decisions/{decision['id']}/replay").json()
            for decision in (before, hung)
        ]
    assert (before["signals"][0]["status"], before["degraded"]) == ("ok", [])
    assert (hung["signals"][0]["status"], hung["degraded"]) == ("late", ["signal:fraud"])
    assert [(r["equal"], r["proved"]) for r in replays] == [(True, "bits")] * 2


NUMBERS = itertools.count()


def score_anew(server):
    return score(server, f"anew-{next(NUMBERS)}")


def test_a_candidate_with_another_artifact_waits_until_its_server_has_it(
    bento, bentoml_home, tmp_path, models, model_server
):
    (first, model), (second, other) = models.items()
    stable, candidate = (remote(models, model_server, index) for index in (0, 1))
    volume = KubeletVolume(tmp_path / "releases")
    volume.write(projection_files(stable))
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        volume.write(projection_files(stable, candidate))
        wait_until(lambda: server.served()["reason"] == "ModelServerNotReady", "a wait")
        assert server.served()["state"] == "Ready"
        model_server.assign(assigned(first, model.digest), assigned(second, other.digest))
        wait_until(lambda: server.served()["candidate"] == candidate.digest, "the candidate")
        volume.write(projection_files(candidate))
        wait_until(lambda: server.served()["stable"] == candidate.digest, "the new release")
        decision = score(server, "with-the-other")
        record = server.get(f"/decisions/{decision['id']}").json()
    assert (decision["signals"][0]["status"], record["artifacts"]) == (
        "ok", {"fraud": other.digest},
    )  # fmt: skip
