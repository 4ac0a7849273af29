"""Objects of an API server are read as what their author declared."""

import json

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.release import compile_release
from sentinel_core.resources import ConfigMap, SentinelModel, SentinelPipeline, read_object
from tests.support.manifests import MODEL, PIPELINE, edited, parse_files, read_sample, replaced

SERVERS_OWN = {
    "uid": "5b0a", "resourceVersion": "12", "generation": 3, "creationTimestamp": "2026-11-21T00:00:00Z",
    "managedFields": [{"manager": "kubectl"}],
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{" * 5000},
}  # fmt: skip


def as_object(document, **more):
    """Return a document as an API server gives it: JSON, with what the server adds."""
    metadata = {"namespace": "default", **SERVERS_OWN, **document["metadata"]}
    whole = json.loads(json.dumps(document | {"metadata": metadata, "status": {"phase": "Ready"}}))
    return whole | more


def objects(declared):
    return {d.key[1]: as_object(d.located.plain()) for d in declared}


def read_all(given, kind):
    return {name: read_object(one, kind) for name, one in given.items()}


@pytest.mark.parametrize(
    ("document", "kind"), [(MODEL, SentinelModel), (PIPELINE, SentinelPipeline)]
)
def test_what_the_server_adds_is_left_out(document, kind):
    expected = kind.model_validate(document)
    assert expected == read_object(as_object(document), kind).resource


def test_items_of_a_list_need_not_name_their_kind():
    item = as_object(MODEL)
    del item["apiVersion"], item["kind"]
    assert read_object(item, SentinelModel).key == ("default", "card-fraud")


def test_a_label_of_an_input_is_kept():
    given = {"metadata": {"name": "r", "labels": {"sentinel.dev/input": "true", "other": "x"}}}
    labels = read_object(given, ConfigMap).resource.metadata.labels
    assert labels == {"sentinel.dev/input": "true"}


def test_a_fault_names_the_object_and_the_field():
    with pytest.raises(InvalidDocumentError) as caught:
        read_object(as_object(replaced(PIPELINE, "spec.state", {})), SentinelPipeline)
    problem = caught.value.problems[0]
    assert (
        problem.location,
        problem.message,
    ) == ("SentinelPipeline/card-payments", "there is no field spec.state")


@pytest.mark.parametrize("sample", ["card-payments", "logins"])
def test_a_release_is_the_same_whether_its_parts_come_from_files_or_objects(sample):
    manifest = parse_files(read_sample(sample))
    expected = compile_release(
        manifest.pipeline(), manifest.models_in("default"), manifest.config_maps_in("default")
    )
    compiled = compile_release(
        read_object(objects(manifest.pipelines)[sample], SentinelPipeline),
        read_all(objects(manifest.models), SentinelModel),
        read_all(objects(manifest.config_maps), ConfigMap),
    )
    assert expected.release.digest == compiled.release.digest


def test_a_fault_in_a_text_is_told_by_config_map_key_and_line():
    files = edited(read_sample("card-payments"), "rules.yaml", "id: card-burst", "id: Card Burst")
    manifest = parse_files(files)
    with pytest.raises(InvalidDocumentError) as caught:
        compile_release(
            read_object(objects(manifest.pipelines)["card-payments"], SentinelPipeline),
            read_all(objects(manifest.models), SentinelModel),
            read_all(objects(manifest.config_maps), ConfigMap),
        )
    assert caught.value.problems[0].location == "ConfigMap/card-rules[rules.yaml]:29:7"


def test_faults_of_several_objects_come_at_once():
    pipeline = replaced(PIPELINE, "spec.fusion.weights", {"frod": 1.0})
    pipeline = replaced(pipeline, "spec.rollout", {"splitBy": "user"})
    with pytest.raises(InvalidDocumentError) as caught:
        compile_release(
            read_object(as_object(pipeline), SentinelPipeline),
            {"card-fraud": read_object(as_object(MODEL), SentinelModel)},
            {},
        )
    assert [f"{p.location}: {p.message}" for p in caught.value.problems] == [
        "SentinelPipeline/card-payments: Transaction events are not split by user",
        "SentinelPipeline/card-payments: there is a weight for frod, but no such signal",
        "SentinelPipeline/card-payments: the signal fraud has no weight, and no rule reads it",
    ]
