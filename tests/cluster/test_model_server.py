"""A model at a server of its own: called by others, changed under load, scaled; and by a pipeline."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from tests.support import cluster_resources as resources
from tests.support.callers import by_grpc, by_http, calling, infer_by_grpc, infer_by_http
from tests.support.pages import ROOT
from tests.support.triton_client import ROWS

MODEL, PIPELINE = ("SentinelModel", "card-fraud"), ("SentinelPipeline", "card-remote")
ROW = [[120.5, 3.0, 0.25]]
REPLICAS = 3


@pytest.fixture(scope="module")
def ports(node_ports):
    """Of the model's server, then of the pipeline's; HTTP before gRPC."""
    return [next(node_ports) for _ in range(4)]


@pytest.fixture(scope="module")
def place(sentinel, module_place, store, ports, figures):
    """A namespace with a model at its server, and a pipeline that calls it there."""
    place = module_place
    place.apply(resources.features(), resources.rules())
    place.expose(*MODEL, *ports[:2])
    place.expose(*PIPELINE, *ports[2:])
    with figures.timed("apply_to_ready_model_with_server_seconds"):
        place.apply(resources.model("card-fraud", store.propose(7), server=resources.server()))
        place.apply(resources.pipeline("card-remote", "card-fraud", placement="Remote"))
        place.wait_until_ready(*MODEL)
    place.wait_until_ready(*PIPELINE)
    place.wait_until_reached(*ports)
    return place


@pytest.fixture(scope="module")
def infers(ports):
    """Clients of the model's server."""
    http, rpc, *_ = ports
    return [
        infer_by_http(http, "card-fraud", ROW),
        infer_by_http(http, "card-fraud", ROW, kept=False),
        infer_by_grpc(rpc, "card-fraud", ROW),
    ]


@pytest.fixture(scope="module")
def scores(ports, prepared):
    """Clients of the pipeline that calls the model's server."""
    *_, http, rpc = ports
    return [by_http(http, prepared.api_key), by_grpc(rpc, prepared.api_key)]


def digest_of(place):
    return place.status(*MODEL)["artifact"]["digest"]


def rows_by_grpc(place):
    """Return how many rows each of the model's pods was asked for over gRPC."""
    pods = [pod["metadata"]["name"] for pod in place.servers(*MODEL)]
    return {pod: place.metric(pod, "sentinel_model_rows_total", 'protocol="grpc"') for pod in pods}


def test_triton_s_clients_get_what_the_artifact_says(place, store, ports):
    proposed = store.propose(7)
    versions = [proposed.digest, proposed.digest]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.triton_client", *map(str, ports[:2]), *versions],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(ran.stdout)
    margin, probability = LoadedModel(read_artifact(store.scratch / "model-7")).predict(ROWS)
    for protocol in ("http", "grpc"):
        assert said[protocol]["version"] == proposed.digest
        assert said[protocol]["default"] == {
            "probability": probability.tolist(), "margin": margin.tolist(),
        }  # fmt: skip


def test_a_pipeline_decides_by_calling_the_server(place, scores):
    before = rows_by_grpc(place)
    with calling(*scores) as clients:
        clients.wait_for_more()
    assert clients.faults == []
    assert {told.degraded for told in clients.told} == {()}
    (pod,) = before
    assert rows_by_grpc(place)[pod] - before[pod] == len(clients.told)


def test_a_new_artifact_is_taken_up_by_server_and_pipeline_without_a_failed_request(
    place, store, infers, scores, figures
):
    old, new = store.propose(7), store.propose(8)
    before, lives = place.stable("card-remote"), place.lives(MODEL, PIPELINE)
    with calling(*infers, *scores) as clients:
        clients.wait_for_more()
        with figures.timed("changed_artifact_at_the_server_to_ready_seconds"):
            place.apply(resources.model("card-fraud", new, server=resources.server()))
            place.wait_for(lambda: digest_of(place) == new.digest, "the new one is proven")
            place.wait_until_ready(*MODEL)
        after = place.wait_until_stable("card-remote", before)
        clients.wait_for_more()
    assert clients.faults == []
    assert {told.degraded for told in clients.told} == {()}
    assert clients.turns == [(old.digest, new.digest)] * 3 + [(before, after)] * 2
    assert {by: len(values) for by, values in clients.values.items()} == dict.fromkeys(
        (old.digest, new.digest, before, after), 1
    )
    assert place.lives(MODEL, PIPELINE) == lives


def test_the_scale_subresource_scales_the_server(place):
    place.kubectl("scale", "smodel/card-fraud", f"--replicas={REPLICAS}")
    place.wait_until_ready(*MODEL)
    assert len(place.servers(*MODEL)) == REPLICAS
    assert place.status(*MODEL)["replicas"] == REPLICAS
    assert place.get(*MODEL)["spec"]["server"]["replicas"] == REPLICAS
    assert place.get("Deployment", "card-fraud-model")["spec"]["replicas"] == REPLICAS


def test_every_pod_gets_its_share_of_grpc_calls_after_the_scale_up(place, scores, figures):
    before = rows_by_grpc(place)
    assert len(before) == REPLICAS

    def asked():
        now = rows_by_grpc(place)
        return [now[pod] - before[pod] for pod in sorted(before)]

    # The pipeline's connections to the pods that were there before end after a while, and with the
    # next ones it learns of the others.
    with calling(*scores) as clients, figures.timed("grpc_share_of_new_pods_seconds"):
        place.wait_for(lambda: min(asked()) > 0, "every pod was asked")
        began = asked()
        clients.wait_for_more(30)
        shares = [now - then for now, then in zip(asked(), began, strict=True)]
    assert clients.faults == []
    assert {told.degraded for told in clients.told} == {()}
    assert min(shares) >= sum(shares) / REPLICAS / 2


def test_scaling_down_costs_no_request(place, infers, scores):
    with calling(*infers, *scores) as clients:
        clients.wait_for_more()
        place.kubectl("scale", "smodel/card-fraud", "--replicas=1")
        place.wait_until_ready(*MODEL)
        leaving = "sentinel.dev/kind=SentinelModel"
        place.wait_for(lambda: len(running(place, leaving)) == 1, "the others are gone")
        clients.wait_for_more()
    assert clients.faults == []
    assert {told.degraded for told in clients.told} == {()}


def running(place, selector):
    return [pod for pod in place.all("Pod", selector) if pod["status"]["phase"] == "Running"]
