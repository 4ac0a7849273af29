"""Whether an object is still as it was applied, told from its managed fields."""

from __future__ import annotations

import json

import pytest

from sentinel_operator.kube.ownership import digest_of, owned_fields, owns

WANTED = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "a",
        "namespace": "n",
        "labels": {"x": "1"},
        "ownerReferences": [{"uid": "u1", "name": "o"}],
    },
    "spec": {
        "selector": {"x": "1"},
        "ports": [{"port": 3000}, {"port": 3001, "protocol": "UDP"}],
        "clusterIP": "None",
    },
}
"""A Service as it is applied: without a protocol, which the API server makes a part of the key."""

OWNED = {
    "f:metadata": {
        "f:labels": {"f:x": {}},
        "f:ownerReferences": {'k:{"uid":"u1"}': {".": {}, "f:name": {}, "f:uid": {}}},
    },
    "f:spec": {
        "f:selector": {},
        "f:ports": {
            'k:{"port":3000,"protocol":"TCP"}': {".": {}, "f:port": {}},
            'k:{"port":3001,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}},
        },
        "f:clusterIP": {},
    },
}


def without(*path):
    """Return OWNED as it is when somebody took a field."""
    taken = json.loads(json.dumps(OWNED))
    inner = taken
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return json.dumps(taken)


def test_everything_is_owned_right_after_it_was_applied():
    assert owns(json.dumps(OWNED), WANTED)


@pytest.mark.parametrize(
    "path",
    [
        ("f:spec",),
        ("f:spec", "f:clusterIP"),
        ("f:spec", "f:selector"),
        ("f:spec", "f:ports", 'k:{"port":3000,"protocol":"TCP"}'),
        ("f:spec", "f:ports", 'k:{"port":3001,"protocol":"UDP"}', "f:protocol"),
        ("f:metadata", "f:labels"),
        ("f:metadata", "f:ownerReferences", 'k:{"uid":"u1"}', "f:name"),
    ],
    ids=":".join,
)
def test_a_field_that_somebody_took_is_missed(path):
    assert not owns(without(*path), WANTED)


def test_nothing_is_owned_of_an_object_that_others_made():
    assert not owns("{}", WANTED)


def test_the_owner_of_a_whole_mapping_owns_what_is_in_it():
    assert owns('{"f:data": {}}', {"data": {"a": "1"}})


def test_an_item_of_a_set_is_owned_by_its_value():
    owned = '{"f:metadata": {"f:finalizers": {"v:\\"a\\"": {}}}}'
    wanted = [{"metadata": {"finalizers": [name]}} for name in ("a", "b")]
    assert [owns(owned, each) for each in wanted] == [True, False]


def entry(manager, operation, fields, **more):
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def test_only_what_the_operator_applied_itself_is_ours():
    entries = [
        entry("sentinel-operator", "Update", {"f:a": {}}),
        entry("kubectl", "Apply", {"f:b": {}}),
        entry("sentinel-operator", "Apply", {"f:c": {}}, subresource="status"),
        entry("sentinel-operator", "Apply", {"f:d": {}}),
    ]
    assert json.loads(owned_fields({"metadata": {"managedFields": entries}})) == {"f:d": {}}


def test_the_digest_does_not_depend_on_the_order_of_fields():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


def test_the_digest_tells_values_apart_that_the_api_server_takes_for_equal():
    assert digest_of({"cpu": "1"}) != digest_of({"cpu": "1000m"})
