"""Reading manifest files."""

import pytest
import yaml

from sentinel_core.errors import InvalidDocumentError, NotFoundError
from sentinel_core.resources import load_manifest, parse_manifest
from tests.support.manifests import MODEL, PIPELINE, replaced


def text_of(*documents):
    return yaml.safe_dump_all(documents)


def test_a_folder_is_read_in_one_go(tmp_path):
    (tmp_path / "model.yaml").write_text(text_of(MODEL))
    (tmp_path / "pipeline.yml").write_text(text_of(PIPELINE))
    manifest = load_manifest(tmp_path)
    assert [d.resource.metadata.name for d in manifest.models] == ["card-fraud"]
    assert [d.resource.metadata.name for d in manifest.pipelines] == ["card-payments"]


def test_folders_inside_and_other_files_are_left_alone(tmp_path):
    (tmp_path / "model.yaml").write_text(text_of(MODEL))
    (tmp_path / "notes.md").write_text("kind: Nonsense")
    (tmp_path / "inside.yaml").mkdir()
    assert len(load_manifest(tmp_path).models) == 1


def test_one_file_holds_many_documents():
    manifest = parse_manifest(text_of(MODEL, PIPELINE), "all.yaml")
    assert (len(manifest.models), len(manifest.pipelines)) == (1, 1)


def test_faults_of_all_files_come_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(text_of(replaced(MODEL, "spec.artifact.digest", "latest")))
    (tmp_path / "b.yaml").write_text(text_of(replaced(PIPELINE, "spec.event", "Payment")))
    (tmp_path / "c.yaml").write_bytes(b"kind: \xff")
    (tmp_path / "d.yaml").write_text("kind: [")
    with pytest.raises(InvalidDocumentError) as caught:
        load_manifest(tmp_path)
    files = [p.location.split(":")[0].rsplit("/")[-1] for p in caught.value.problems]
    assert files == ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]


def test_a_resource_declared_twice_is_refused_with_both_places():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: texts\n"
    with pytest.raises(InvalidDocumentError) as caught:
        parse_manifest(f"{text}---\n{text}", "m.yaml")
    (problem,) = caught.value.problems
    first, second = "m.yaml:4:3", "m.yaml:9:3"
    assert (second, f"ConfigMap texts is declared at {first} already") == (
        problem.location, problem.message,
    )  # fmt: skip


def test_one_name_in_two_namespaces_is_two_resources():
    other = replaced(MODEL, "metadata.namespace", "payments")
    manifest = parse_manifest(text_of(MODEL, other), "m.yaml")
    assert list(manifest.models_in("payments")) == ["card-fraud"]
    assert {"default", "payments"} == {d.key[0] for d in manifest.models}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        load_manifest(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        load_manifest(tmp_path / "nothing")


def test_the_only_pipeline_needs_no_name():
    assert parse_manifest(text_of(PIPELINE), "p").pipeline().key[1] == "card-payments"


def test_of_two_pipelines_one_must_be_named():
    other = replaced(PIPELINE, "metadata.name", "transfers")
    manifest = parse_manifest(text_of(PIPELINE, other), "p")
    assert manifest.pipeline("transfers").key[1] == "transfers"
    with pytest.raises(NotFoundError, match="card-payments, transfers"):
        manifest.pipeline()


def test_a_pipeline_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(NotFoundError, match="card-payments"):
        parse_manifest(text_of(PIPELINE), "p").pipeline("logins")
