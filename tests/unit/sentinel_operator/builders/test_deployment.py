"""The Deployment of a server: what restarts its pods, and what does not."""

from dataclasses import replace

import pytest

from sentinel_bentos.departure import LONGEST_HOLD_SECONDS, QUIET_SECONDS
from sentinel_bentos.inner_server import FAREWELL_SECONDS
from sentinel_core.resources.server import OWN_ENV, EnvVar, Server
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import (
    LEAVE_SECONDS,
    SPARE_SECONDS,
    Pod,
    build_deployment,
    has_template_of,
)
from sentinel_operator.builders.pod import mounted_stores

MODEL = Child("SentinelModel", "card-fraud", "payments", "u1")


def server(**fields):
    return Server.model_validate(fields)


POD = Pod("model", server(), "bento:1", "IfNotPresent", stores=("b.store", "a-store"))


def spec_of(pod):
    return build_deployment(MODEL, pod)["spec"]["template"]["spec"]


def container_of(pod):
    (container,) = spec_of(pod)["containers"]
    return container


def environment_of(pod):
    return {one["name"]: one["value"] for one in container_of(pod)["env"]}


@pytest.mark.parametrize(
    "change",
    [
        {"image": "bento:2"},
        {"mode": "decision"},
        {"stores": ()},
        {"api_keys_secret": "keys"},
        {"env": {"A": "1"}},
        {"server": server(env=[{"name": "A", "value": "1"}])},
        {"server": server(drainSeconds=30)},
        {"server": server(topologySpread=False)},
        {"server": server(resources={"limits": {"memory": "2Gi"}})},
    ],
    ids=str,
)
def test_pods_that_would_be_others_have_another_template(change):
    built = build_deployment(MODEL, replace(POD, **change))
    assert not has_template_of(build_deployment(MODEL, POD), built)


@pytest.mark.parametrize(
    "change",
    [
        {"recreate": True},
        {"stores": ("a-store", "b.store")},
        {"server": server(replicas=5)},
        {"server": server(autoscaling={"maxReplicas": 5})},
        {"server": server(networkPolicy={"enabled": False})},
    ],
    ids=str,
)
def test_what_is_not_of_the_pods_restarts_none(change):
    built = build_deployment(MODEL, replace(POD, **change))
    assert has_template_of(build_deployment(MODEL, POD), built)


def test_a_deployment_that_was_not_built_here_has_another_template():
    assert not has_template_of({"metadata": {}}, build_deployment(MODEL, POD))


@pytest.mark.parametrize("fields", [{}, {"replicas": 4}, {"autoscaling": {"maxReplicas": 4}}])
def test_replicas_are_never_applied(fields):
    pod = replace(POD, server=server(**fields))
    assert "replicas" not in build_deployment(MODEL, pod)["spec"]


def test_the_stores_that_were_mounted_are_found_again():
    assert mounted_stores(spec_of(POD)) == set(POD.stores)


def test_the_secret_of_api_keys_is_no_store():
    assert mounted_stores(spec_of(replace(POD, stores=(), api_keys_secret="store-keys"))) == set()


def test_every_mount_has_a_volume():
    pod = replace(POD, api_keys_secret="keys")
    volumes = {one["name"] for one in spec_of(pod)["volumes"]}
    assert {one["name"] for one in container_of(pod)["volumeMounts"]} == volumes


def test_a_variable_of_the_spec_cannot_move_what_the_operator_gives():
    # Admission refuses these; the pods of an object that is older than the rule are safe all the same.
    assumed = Server.model_construct(
        **{**server().__dict__, "env": (_variable("SENTINEL_RELEASE_DIR", "/elsewhere"),)}
    )
    assert environment_of(replace(POD, server=assumed)) == environment_of(POD)


def _variable(name, value):
    return EnvVar.model_construct(name=name, value=value)


def test_every_variable_that_the_operator_sets_is_refused_in_a_spec():
    pod = replace(
        POD, env={"SENTINEL_MODEL_NAME": "m", "SENTINEL_API_KEYS_FILE": "/etc/sentinel/keys"}
    )
    assert set(environment_of(pod)) <= set(OWN_ENV)


def test_a_pod_has_the_time_to_leave_to_drain_and_to_end():
    grace = spec_of(replace(POD, server=server(drainSeconds=30)))["terminationGracePeriodSeconds"]
    assert grace == LEAVE_SECONDS + 30 + SPARE_SECONDS


def test_a_server_is_told_how_long_it_may_drain():
    environment = environment_of(replace(POD, server=server(drainSeconds=30)))
    assert environment["SENTINEL_DRAIN_SECONDS"] == "30"


def test_what_a_server_takes_beside_draining_is_spared():
    assert FAREWELL_SECONDS + LONGEST_HOLD_SECONDS + QUIET_SECONDS < SPARE_SECONDS


def test_a_pod_that_holds_state_is_gone_before_the_next_one_starts():
    built = build_deployment(MODEL, replace(POD, recreate=True))
    assert built["spec"]["strategy"] == {"type": "Recreate"}
