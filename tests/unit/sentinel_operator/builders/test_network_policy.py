"""What a NetworkPolicy lets through: what is named, and no more."""

import pytest

from sentinel_core.resources.network import NetworkPolicy
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.network_policy import build_network_policy

MODEL = Child("SentinelModel", "card-fraud", "payments", "u1")
ADMIN, CLIENTS = [3002], [3000, 3001]


def build(servers=(), **fields):
    policy = NetworkPolicy.model_validate(fields)
    built = build_network_policy(
        MODEL, policy, operator_namespace="sentinel-system", model_servers=servers
    )
    return built["spec"]


def ports(rules):
    return [[port["port"] for port in rule["ports"]] for rule in rules]


def test_both_directions_are_denied_but_for_what_is_named():
    assert build()["policyTypes"] == ["Ingress", "Egress"]


def test_it_covers_the_pods_that_prove_too():
    assert build()["podSelector"]["matchLabels"] == MODEL.owned


def test_by_default_every_pod_of_the_namespace_may_call():
    ingress = build()["ingress"]
    assert (ports(ingress), ingress[1]["from"]) == ([ADMIN, CLIENTS], [{"podSelector": {}}])


def test_nobody_may_call_where_nobody_is_named():
    assert ports(build(allowFrom=[])["ingress"]) == [ADMIN]


def test_only_those_named_may_call():
    peer = {"podSelector": {"matchLabels": {"app": "gateway"}}}
    assert build(allowFrom=[peer])["ingress"][1]["from"] == [peer]


def test_clients_do_not_reach_the_port_of_probes_and_metrics():
    _, clients = build(allowFrom=[{"podSelector": {}}])["ingress"]
    assert ports([clients]) == [CLIENTS]


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {}},
        {"namespaceSelector": {}},
        {"podSelector": {}, "namespaceSelector": {"matchLabels": {"team": "payments"}}},
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ],
    ids=str,
)
def test_a_peer_is_written_as_it_is_declared(peer):
    assert build(allowFrom=[peer])["ingress"][1]["from"] == [peer]


def test_an_egress_without_peers_is_for_any_and_without_ports_for_all():
    rules = build(egress=[{"ports": [{"port": 443}]}, {"to": [{"podSelector": {}}]}])["egress"][1:]
    assert rules == [{"ports": [{"port": 443, "protocol": "TCP"}]}, {"to": [{"podSelector": {}}]}]


def test_a_server_that_calls_models_reaches_their_servers_over_grpc_alone():
    _, rule = build(servers=["card-fraud"])["egress"]
    (peer,) = rule["to"]
    assert (peer["podSelector"]["matchLabels"], ports([rule])) == (MODEL.selector, [[3001]])


def test_without_egress_only_names_are_looked_up():
    assert ports(build()["egress"]) == [[53, 53]]
