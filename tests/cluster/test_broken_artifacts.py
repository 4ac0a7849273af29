"""Artifacts that must not be served, proposed to a model that serves: told why, and nothing stops."""

from __future__ import annotations

import time

import pytest

from tests.cluster.build_load import store as in_cluster
from tests.cluster.build_load.objects import apply_secret, read_secret
from tests.support import cluster_resources as resources
from tests.support.broken_artifacts import BROKEN, Bench, too_much_memory
from tests.support.callers import by_http, calling, infer_by_grpc, infer_by_http

MODEL, PIPELINE = ("SentinelModel", "card-fraud"), ("SentinelPipeline", "card-payments")
REASONS = BROKEN | {too_much_memory: "OOMKilled"}
TOLD_SECONDS = 30
"""Within which the status says what is wrong with an artifact; promised."""
CLOSED_PORT = 7071


@pytest.fixture(scope="module")
def ports(node_ports):
    """Of the model's server, then HTTP of the pipeline's."""
    return [next(node_ports) for _ in range(4)]


@pytest.fixture(scope="module")
def good(store):
    """The artifact that serves."""
    return store.propose(7)


@pytest.fixture(scope="module")
def place(sentinel, module_place, good, ports):
    """A namespace with a model at its server, and a pipeline that has the model in its own process."""
    place = module_place
    found = read_secret(place.administrator, place.namespace, in_cluster.NAME)
    unreachable = f"http://{in_cluster.NAME}.{in_cluster.NAMESPACE}.svc:{CLOSED_PORT}"
    for name, change in (
        ("unreachable", {"endpoint": unreachable}),
        ("denied", {"secretAccessKey": "another"}),
    ):
        apply_secret(place.administrator, place.namespace, name, found | change)
    place.apply(resources.features(), resources.rules())
    place.expose(*MODEL, *ports[:2])
    place.expose(*PIPELINE, *ports[2:])
    place.apply(resources.model("card-fraud", good, server=resources.server()))
    place.apply(resources.pipeline("card-payments", "card-fraud"))
    place.wait_until_ready(*MODEL)
    place.wait_until_ready(*PIPELINE)
    place.wait_until_reached(*ports)
    return place


@pytest.fixture(scope="module")
def clients(place, ports, prepared):
    """Clients that ask all the while."""
    http, rpc, decisions, _ = ports
    with calling(
        infer_by_http(http, "card-fraud", resources.ROWS),
        infer_by_http(http, "card-fraud", resources.ROWS, kept=False),
        infer_by_grpc(rpc, "card-fraud", resources.ROWS),
        by_http(decisions, prepared.api_key),
    ) as clients:
        yield clients


@pytest.fixture(scope="module")
def actions(place):
    """What each broken artifact asked for, by its reason."""
    return {}


def propose(place, case):
    """Declare an artifact as it is to be proven."""
    name = in_cluster.NAME if case.store == "good" else case.store
    model = resources.model("card-fraud", case, name, server=resources.server())
    if case.public_key is not None:
        place.apply(resources.text_map("signing", "key.pub", case.public_key.decode()))
        key = {"name": "signing", "key": "key.pub"}
        model["spec"]["artifact"]["signature"] = {"publicKeyRef": key}
    place.apply(model)


@pytest.mark.parametrize("make", REASONS, ids=lambda make: make.__name__)
def test_it_is_told_why_within_30_seconds_and_everything_goes_on(
    *, place, good, store, clients, actions, tmp_path, figures, make
):
    folder = tmp_path / f"{place.namespace}-{make.__name__}"
    folder.mkdir()
    case = make(Bench(folder, store.put))
    stable, began = place.stable("card-payments"), time.monotonic()
    propose(place, case)
    place.wait_for(
        lambda: place.condition(*MODEL) == ("False", REASONS[make]),
        f"the status says {REASONS[make]}",
        within_seconds=TOLD_SECONDS,
    )
    figures.add(f"refused_{make.__name__}_seconds", time.monotonic() - began)
    failure = place.failure(*MODEL)
    assert (failure["location"], failure["reason"]) == ("artifact", REASONS[make])
    actions[failure["reason"]] = failure["userAction"]
    assert place.condition(*MODEL, "ArtifactVerified") == ("False", REASONS[make])
    assert place.condition(*MODEL, "Available") == ("True", "PreviousServed")
    assert place.status(*MODEL)["artifact"]["digest"] == good.digest
    clients.wait_for_more()
    assert clients.faults == []
    assert clients.turns == [(good.digest,)] * 3 + [(stable,)]


def test_each_asks_for_an_action_of_its_own(actions):
    assert set(actions) == set(REASONS.values())
    assert len(set(actions.values())) == len(REASONS)
    assert all(actions.values())


def test_the_good_artifact_mends_it(place, good, clients):
    place.apply(resources.model("card-fraud", good, server=resources.server()))
    place.wait_until_ready(*MODEL)
    place.wait_until_ready(*PIPELINE)
    assert place.failure(*MODEL) == {}
    assert clients.faults == []
