"""The cache keeps the newest of what it is told, and knows whom a change concerns."""

from __future__ import annotations

import pytest

from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.kinds import ObjectKey, ResourceKey

MODEL_A = ResourceKey("SentinelModel", "n", "a")
PIPELINE_P = ResourceKey("SentinelPipeline", "n", "p")
LABELS = {"sentinel.dev/kind": "SentinelModel", "sentinel.dev/resource": "a"}


def thing(kind, name, version, *, uid="u1", labels=None, **more):
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"kind": kind, "metadata": {**metadata, "labels": labels or {}}, **more}


def pipeline(version=1, *, rules="rules", model="a"):
    spec = {
        "rules": {"configMapRef": {"name": rules, "key": "k"}},
        "models": [{"name": "m", "modelRef": {"name": model}}],
    }
    return thing("SentinelPipeline", "p", version, spec=spec)


@pytest.fixture
def told():
    return []


@pytest.fixture
def cache(told):
    return Cache(told.append)


def version_of(cache, kind, name):
    return cache.get(ObjectKey(kind, "n", name)).version


def test_a_late_event_does_not_undo_a_newer_one(cache):
    cache.put(thing("Service", "a", 10))
    cache.put(thing("Service", "a", 9))
    assert version_of(cache, "Service", "a") == 10


def test_versions_are_compared_as_numbers(cache):
    cache.put(thing("Service", "a", 9))
    cache.put(thing("Service", "a", 10))
    assert version_of(cache, "Service", "a") == 10


def test_the_late_end_of_an_object_is_not_the_end_of_its_successor(cache):
    cache.put(thing("Service", "a", 10, uid="u2"))
    cache.delete(thing("Service", "a", 9, uid="u1"))
    assert version_of(cache, "Service", "a") == 10


def test_an_object_that_is_gone_is_forgotten(cache):
    cache.put(thing("Service", "a", 10, labels=LABELS))
    cache.delete(thing("Service", "a", 11, labels=LABELS))
    assert (cache.get(ObjectKey("Service", "n", "a")), cache.belonging_to(MODEL_A)) == (None, {})


def test_a_child_belongs_to_the_resource_of_its_labels(cache):
    cache.put(thing("Service", "a", 10, labels=LABELS))
    assert list(cache.belonging_to(MODEL_A)) == [ObjectKey("Service", "n", "a")]


def test_a_child_that_lost_its_labels_belongs_to_nobody(cache):
    cache.put(thing("Service", "a", 10, labels=LABELS))
    cache.put(thing("Service", "a", 11))
    assert cache.belonging_to(MODEL_A) == {}


def test_a_changed_child_concerns_its_resource(cache, told):
    cache.put(thing("Service", "a", 10, labels=LABELS))
    assert told == [MODEL_A]


def test_an_answer_that_comes_after_its_own_event_is_no_news(cache, told):
    cache.put(thing("Service", "a", 10, labels=LABELS))
    told.clear()
    cache.put(thing("Service", "a", 10, labels=LABELS), settled="d", by=MODEL_A)
    assert (told, cache.get(ObjectKey("Service", "n", "a")).settled) == ([], "d")


def test_an_event_that_comes_after_its_own_answer_is_no_news(cache, told):
    cache.put(thing("Service", "a", 10, labels=LABELS), settled="d", by=MODEL_A)
    cache.put(thing("Service", "a", 10, labels=LABELS))
    assert (told, cache.get(ObjectKey("Service", "n", "a")).settled) == ([], "d")


def test_a_later_change_by_somebody_else_is_no_longer_settled(cache, told):
    cache.put(thing("Service", "a", 10, labels=LABELS), settled="d", by=MODEL_A)
    cache.put(thing("Service", "a", 11, labels=LABELS))
    assert (told, cache.get(ObjectKey("Service", "n", "a")).settled) == ([MODEL_A], None)


def test_an_input_concerns_the_resources_that_name_it(cache, told):
    cache.put(pipeline())
    told.clear()
    cache.put(thing("ConfigMap", "rules", 5, labels={"sentinel.dev/input": "true"}))
    assert told == [PIPELINE_P]


def test_an_input_concerns_nobody_once_it_is_no_longer_named(cache, told):
    cache.put(pipeline())
    cache.put(pipeline(2, rules="others"))
    told.clear()
    cache.put(thing("ConfigMap", "rules", 5, labels={"sentinel.dev/input": "true"}))
    assert told == []


def test_a_model_concerns_itself_and_the_pipelines_that_name_it(cache, told):
    cache.put(pipeline())
    told.clear()
    cache.put(thing("SentinelModel", "a", 5, spec={}))
    assert sorted(told) == [MODEL_A, PIPELINE_P]


def test_a_pipeline_concerns_the_models_that_it_named_and_names(cache, told):
    cache.put(pipeline())
    told.clear()
    cache.put(pipeline(2, model="b"))
    assert sorted(told) == [MODEL_A, ResourceKey("SentinelModel", "n", "b"), PIPELINE_P]


def test_a_revision_of_a_pipeline_concerns_every_model_of_its_namespace(cache, told):
    cache.put(thing("SentinelModel", "a", 5, spec={}))
    told.clear()
    labels = {"sentinel.dev/kind": "SentinelPipeline", "sentinel.dev/resource": "p"}
    cache.put(thing("ControllerRevision", "p-1", 6, labels=labels))
    assert sorted(told) == [MODEL_A, PIPELINE_P]


def test_what_a_round_writes_concerns_others_and_not_itself(cache, told):
    cache.put(pipeline(), by=PIPELINE_P)
    assert told == [MODEL_A]


def test_only_inputs_are_among_the_inputs(cache):
    cache.put(thing("ConfigMap", "rules", 5, labels={"sentinel.dev/input": "true"}))
    cache.put(thing("ConfigMap", "a-model", 6, labels={"sentinel.dev/input": "false"}))
    assert list(cache.inputs("n")) == ["rules"]


def test_the_data_of_projections_is_not_kept(cache):
    cache.put(thing("ConfigMap", "a-model", 6, labels=LABELS, data={"stable.json": "{}"}))
    assert "data" not in cache.get(ObjectKey("ConfigMap", "n", "a-model")).thing


def test_the_data_of_inputs_is_kept(cache):
    labels = {"sentinel.dev/input": "true"}
    cache.put(thing("ConfigMap", "rules", 5, labels=labels, data={"k": "v"}))
    assert cache.inputs("n")["rules"]["data"] == {"k": "v"}


def revision(name, version, **lists):
    labels = {"sentinel.dev/kind": "SentinelPipeline", "sentinel.dev/resource": "p"}
    # Read from another answer, so texts of their own.
    rows = {digest: "".join(parts) for digest, parts in lists.items()}
    data = {"release": "{}", "lists": rows}
    return thing("ControllerRevision", name, version, labels=labels, data=data)


def rows_in(cache, name):
    return cache.get(ObjectKey("ControllerRevision", "n", name)).thing["data"]["lists"]


def test_revisions_of_a_pipeline_hold_equal_rows_once(cache):
    cache.put(revision("p-1", 5, d=["[1,", "2]"]))
    cache.put(revision("p-2", 6, d=["[1,", "2]"], e=["[", "3]"]))
    cache.put(revision("p-1", 7, d=["[1,", "2]"]))
    assert rows_in(cache, "p-1")["d"] is rows_in(cache, "p-2")["d"]
    assert rows_in(cache, "p-2") == {"d": "[1,2]", "e": "[3]"}


def test_rows_that_differ_stay_what_they_are(cache):
    cache.put(revision("p-1", 5, d=["[1,", "2]"]))
    cache.put(revision("p-2", 6, d=["[1,", "9]"]))
    assert [rows_in(cache, "p-1"), rows_in(cache, "p-2")] == [{"d": "[1,2]"}, {"d": "[1,9]"}]


@pytest.mark.parametrize("data", [None, {}, {"lists": None}, {"lists": ["d"]}])
def test_a_revision_that_holds_something_else_is_kept_as_it_is(cache, data):
    cache.put(revision("p-1", 5, d=["[1]"]))
    cache.put(revision("p-2", 6) | {"data": data})
    assert cache.get(ObjectKey("ControllerRevision", "n", "p-2")).thing["data"] == data
