"""Changes under load: taken up whole, without a restart or a failed request; or told and left alone."""

from __future__ import annotations

import re
import shlex
import time

import pytest

from tests.setup.errors import HarnessError
from tests.support import cluster_resources as resources
from tests.support.callers import by_grpc, by_http, calling
from tests.support.model_pipelines import MODEL_FEATURES, RULES

MODEL, PIPELINE = ("SentinelModel", "card-fraud"), ("SentinelPipeline", "card-payments")
CHILD = "card-payments-decision"
LONGER = f"{MODEL_FEATURES}  - {{name: card_count_7d, entity: card, count: {{}}, window: 7d}}\n"
LEFT_ALONE_SECONDS = 3
"""For which nothing happens where something would have within one."""


def rules(floor):
    return resources.rules(RULES.replace("floor: 70", f"floor: {floor}"))


def change_rules(place, _):
    place.apply(rules(71))


def change_features(place, _):
    place.apply(resources.features(LONGER))


def change_bounds(place, _):
    place.patch("spipe", "card-payments", {"spec": {"fusion": resources.fusion(block=86)}})


def change_fusion(place, _):
    place.patch("spipe", "card-payments", {"spec": {"fusion": resources.fusion(fraud=0.5)}})


def change_model(place, store):
    place.apply(resources.model("card-fraud", store.propose(8)))


CHANGES = (change_rules, change_features, change_bounds, change_fusion, change_model)


@pytest.fixture(scope="module")
def ports(node_ports):
    return next(node_ports), next(node_ports)


@pytest.fixture(scope="module")
def place(sentinel, module_place, store, ports, figures):
    """A namespace with a model, and a pipeline over it that this machine can call."""
    place = module_place
    place.apply(resources.features(), rules(70))
    place.expose(*PIPELINE, *ports)
    with figures.timed("apply_to_ready_first_revision_seconds"):
        place.apply(resources.model("card-fraud", store.propose(7)))
        place.apply(resources.pipeline("card-payments", "card-fraud"))
        place.wait_until_ready(*PIPELINE)
    place.wait_until_reached(*ports)
    return place


@pytest.fixture(scope="module")
def asks(ports, prepared):
    """Three sorts of clients."""
    http, grpc = ports
    key = prepared.api_key
    return by_http(http, key), by_http(http, key, kept=False), by_grpc(grpc, key)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_client_is_answered_by_one_release_then_by_the_other(
    place, store, asks, change, figures
):
    before, lives = place.stable("card-payments"), place.lives(PIPELINE)
    with calling(*asks) as clients:
        clients.wait_for_more()
        with figures.timed(f"{change.__name__}_to_ready_seconds"):
            change(place, store)
            after = place.wait_until_stable("card-payments", before)
        clients.wait_for_more()
    assert clients.faults == []
    assert clients.turns == [(before, after)] * len(asks)
    # Whatever a release is made of, it answers the same question with one score.
    assert {by: len(values) for by, values in clients.values.items()} == {before: 1, after: 1}
    assert {told.degraded for told in clients.told} == {()}
    assert place.lives(PIPELINE) == lives


def test_bad_rules_are_told_and_the_good_ones_go_on(place, asks):
    before = place.stable("card-payments")
    with calling(*asks) as clients:
        place.apply(rules("many"))
        place.wait_for(
            lambda: place.condition(*PIPELINE) == ("False", "InvalidDocument"), "the rules are bad"
        )
        clients.wait_for_more()
    assert clients.faults == []
    assert clients.turns == [(before,)] * len(asks)
    assert place.condition(*PIPELINE, "Available") == ("True", "PreviousServed")
    failure = place.failure(*PIPELINE)
    assert failure["location"] == "inputs"
    assert re.search(r"rules\[rules\.yaml\]:\d+:\d+: ", failure["message"])
    assert failure["userAction"]


def test_good_rules_mend_it(place):
    before = place.stable("card-payments")
    place.apply(rules(71))
    place.wait_for(lambda: place.condition(*PIPELINE)[0] == "True", "it is Ready again")
    assert (place.stable("card-payments"), place.failure(*PIPELINE)) == (before, {})


def test_a_pipeline_without_shared_state_cannot_be_scaled(place):
    with pytest.raises(HarnessError, match="EphemeralState"):
        place.kubectl("scale", "spipe/card-payments", "--replicas=2")
    assert place.condition(*PIPELINE, "Durable") == ("False", "EphemeralState")


def test_a_suspended_pipeline_decides_and_nothing_of_it_is_changed(place, asks):
    before = place.stable("card-payments")
    place.patch("spipe", "card-payments", {"spec": {"suspend": True}})
    place.wait_for(lambda: place.condition(*PIPELINE) == ("False", "Suspended"), "it is suspended")
    place.apply(rules(72))
    place.kubectl("delete", "poddisruptionbudget", CHILD)
    with calling(*asks) as clients:
        time.sleep(LEFT_ALONE_SECONDS)
    assert clients.faults == []
    assert clients.turns == [(before,)] * len(asks)
    assert place.find("PodDisruptionBudget", CHILD) is None
    place.patch("spipe", "card-payments", {"spec": {"suspend": False}})
    assert place.wait_until_stable("card-payments", before) != before
    assert place.find("PodDisruptionBudget", CHILD) is not None


def test_somebody_elses_object_under_the_name_of_a_child_is_left_alone(place, store):
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken-model"}}
    place.apply(theirs | {"data": {"mine": "yes"}})
    taken = ("SentinelModel", "taken")
    place.apply(resources.model("taken", store.propose(7), server=resources.server()))
    place.wait_for(lambda: place.condition(*taken) == ("False", "NameTaken"), "it is told")
    assert "ConfigMap taken-model" in place.failure(*taken)["message"]
    assert place.get("ConfigMap", "taken-model")["data"] == {"mine": "yes"}
    place.kubectl("delete", "configmap", "taken-model")
    place.wait_for(
        lambda: "artifacts.json" in (place.find("ConfigMap", "taken-model") or {}).get("data", {}),
        "the name is taken by its owner",
    )
    place.kubectl("delete", "smodel", "taken")


def test_an_input_without_the_label_is_told_with_the_command_that_mends_it(place):
    unlabelled = ("SentinelPipeline", "unlabelled")
    config_map = resources.text_map("plain", "rules.yaml", RULES)
    del config_map["metadata"]["labels"]
    place.apply(config_map)
    source = {"configMapRef": {"name": "plain", "key": "rules.yaml"}}
    place.apply(resources.pipeline("unlabelled", "card-fraud", rules=source))
    place.wait_for(
        lambda: place.condition(*unlabelled) == ("False", "InputNotLabelled"), "it is told"
    )
    (command,) = re.findall(r"kubectl label .*?=true", place.failure(*unlabelled)["message"])
    place.kubectl(*shlex.split(command)[1:])
    place.wait_for(
        lambda: place.condition(*unlabelled, "InputsValid") == ("True", "Compiled"), "it is mended"
    )
    place.kubectl("delete", "spipe", "unlabelled")


CHILDREN = (
    ("Service", CHILD), ("Service", f"{CHILD}-pods"), ("ConfigMap", CHILD),
    ("ServiceAccount", CHILD), ("PodDisruptionBudget", CHILD), ("NetworkPolicy", CHILD),
    ("Deployment", CHILD),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), CHILDREN, ids=lambda part: part)
def test_a_deleted_child_comes_back(place, kind, name, figures):
    before = place.get(kind, name)["metadata"]["uid"]
    place.kubectl("delete", kind, name, "--wait=false")

    def is_back():
        found = place.find(kind, name)
        return found is not None and found["metadata"]["uid"] != before

    with figures.timed(f"deleted_{kind}_restored_seconds"):
        place.wait_for(is_back, f"another {kind} {name}")


def test_a_changed_child_is_put_right_and_what_others_added_stays(place, figures):
    place.kubectl("annotate", "service", CHILD, "team=payments")
    change = '[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}]'
    place.kubectl("patch", "service", CHILD, "--type=json", f"--patch={change}")

    def target():
        return place.get("Service", CHILD)["spec"]["ports"][0]["targetPort"]

    with figures.timed("changed_Service_restored_seconds"):
        place.wait_for(lambda: target() == "http", "the port is put right")
    assert place.get("Service", CHILD)["metadata"]["annotations"]["team"] == "payments"
