"""A model's server whose replicas load decides: more, another artifact, fewer; no request fails."""

from __future__ import annotations

import json

import pytest

from tests.support import cluster_resources as resources
from tests.support.callers import calling, infer_by_grpc, infer_by_http
from tests.support.flood import flooding
from tests.support.model_server import infer_body

NAME = "card-fraud"
MODEL = ("SentinelModel", NAME)
ROW = [[120.5, 3.0, 0.25]]
MOST = 3
CONNECTIONS = 4
"""Of the flood: they keep one replica at several times the CPU that it asks for."""
CHANNELS = 4
"""Over gRPC, each to one replica at a time until the server ends its connection: so many that every
replica has one soon."""
SCALED = {
    "autoscaling": {
        "minReplicas": 1,
        "maxReplicas": MOST,
        "targetCPUUtilization": 60,
        # Kubernetes waits for five minutes by itself, which adds nothing here.
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
    },
    "resources": {
        # Of 60 % of it, the few clients that go on all the while need less than half (110m of 240m,
        # which two replicas must undercut to become one), and the flood more than twice (900m).
        "requests": {"cpu": "400m", "memory": "192Mi"},
        "limits": {"memory": "1Gi"},
    },
}


@pytest.fixture(scope="module")
def ports(node_ports):
    """Of the model's server: HTTP, then gRPC."""
    return [next(node_ports) for _ in range(2)]


@pytest.fixture(scope="module")
def place(sentinel, module_place, store, ports):
    """A namespace with the model, at rest."""
    module_place.expose(*MODEL, *ports)
    module_place.apply(declared(store.propose(7)))
    module_place.wait_until_ready(*MODEL)
    module_place.wait_until_reached(*ports)
    return module_place


@pytest.fixture(scope="module")
def clients(place, ports):
    """Clients that ask from the first test to the last."""
    http, rpc = ports
    with calling(
        infer_by_http(http, NAME, ROW),
        infer_by_http(http, NAME, ROW, kept=False),
        *[infer_by_grpc(rpc, NAME, ROW)] * CHANNELS,
    ) as clients:
        yield clients


@pytest.fixture(scope="module")
def flood(place, ports):
    """More requests than one replica is meant to have."""
    url = f"http://127.0.0.1:{ports[0]}/v2/models/{NAME}/infer"
    with flooding(url, json.dumps(infer_body(ROW)).encode(), CONNECTIONS) as flood:
        yield flood


def declared(artifact):
    """Return the model with an artifact, as it is to be served."""
    return resources.model(NAME, artifact, server=resources.server(**SCALED))


def wait_for_replicas(place, count):
    def are_serving():
        # One that became ready is heard a moment later, and until then the model is not Ready.
        if place.condition(*MODEL)[0] != "True":
            return False
        deployment = place.get("Deployment", f"{NAME}-model")["status"]
        ready = deployment.get("readyReplicas") == len(place.servers(*MODEL)) == count
        return ready and place.status(*MODEL)["replicas"] == count

    place.wait_for(are_serving, f"{count} replicas")


def test_one_replica_is_enough_for_a_few_clients(place, clients):
    clients.wait_for_more(30)
    wait_for_replicas(place, 1)
    assert clients.faults == []


def test_load_brings_more_replicas_and_each_gets_its_share(place, clients, flood, figures):
    with figures.timed("autoscaling_up_seconds"):
        wait_for_replicas(place, MOST)
    pods = [pod["metadata"]["name"] for pod in place.servers(*MODEL)]

    def rows(protocol):
        label = f'protocol="{protocol}"'
        return [place.metric(pod, "sentinel_model_rows_total", label) for pod in pods]

    place.wait_for(lambda: min(rows("http")) > 0, "every replica answers over HTTP")
    place.wait_for(lambda: min(rows("grpc")) > 0, "every replica answers over gRPC")
    assert (clients.faults, flood.faults) == ([], [])


def test_the_artifact_changes_under_that_load(place, clients, flood, store, figures):
    old, new = store.propose(7), store.propose(8)
    with figures.timed("changed_artifact_under_load_to_ready_seconds"):
        place.apply(declared(new))
        place.wait_for(
            lambda: place.status(*MODEL)["artifact"]["digest"] == new.digest,
            "the new one is proven",
        )
        place.wait_until_ready(*MODEL)
    clients.wait_for_more()
    assert {turn[0] for turn in clients.turns} == {old.digest}
    assert {turn[-1] for turn in clients.turns} == {new.digest}
    assert {by: len(values) for by, values in clients.values.items()} == {
        old.digest: 1, new.digest: 1,
    }  # fmt: skip
    assert (clients.faults, flood.faults) == ([], [])


def test_fewer_replicas_are_left_when_the_load_is_over(place, clients, flood, figures):
    flood.stop()
    with figures.timed("autoscaling_down_seconds"):
        wait_for_replicas(place, 1)
    clients.wait_for_more()
    assert (clients.faults, flood.faults) == ([], [])
    figures.add("autoscaling_requests_per_second", sorted(flood.per_second)[len(flood.rounds) // 2])
