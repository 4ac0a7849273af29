"""What is declared for a cluster, on one machine: refused, or passed over and said."""

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.release import compile_here
from tests.support.manifests import compile_files, edited, read_sample

AUTH = "  auth: {apiKeysSecretRef: {name: card-payments-keys}}\n"


@pytest.fixture
def files():
    """The sample without what it says about a cluster."""
    sample = read_sample("card-payments")
    for name in ("model.yaml", "pipeline.yaml"):
        sample[name], _, _ = sample[name].partition("  server:\n")
    return edited(sample, "pipeline.yaml", AUTH, "")


def compiled_here(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return compile_here(folder)


def test_a_plain_manifest_passes_nothing_over(tmp_path, files):
    here = compiled_here(tmp_path, files)
    assert here.passed_over == ()
    assert here.compiled == compile_files(files)


def test_the_sample_decides_here_as_it_does_in_a_cluster(tmp_path, files):
    here = compiled_here(tmp_path, read_sample("card-payments"))
    assert here.passed_over == (
        "Passed over in SentinelPipeline card-payments: spec.auth, spec.server (for a cluster)",
        "Passed over in SentinelModel card-fraud: spec.server (for a cluster)",
    )
    assert here.compiled == compile_files(files)


def test_what_speaks_of_a_cluster_is_passed_over_and_named(tmp_path, files):
    pipeline = (
        "  server: {drainSeconds: 5}\n  auth: {}\n  suspend: false\n  revisionHistoryLimit: 3\n"
    )
    spoken = edited(files, "pipeline.yaml", "  budgetMs: 50\n", f"  budgetMs: 50\n{pipeline}")
    spoken = edited(spoken, "model.yaml", "spec:\n", "spec:\n  server: {replicas: 2}\n")
    here = compiled_here(tmp_path, spoken)
    fields = "spec.auth, spec.server, spec.suspend, spec.revisionHistoryLimit"
    assert here.passed_over == (
        f"Passed over in SentinelPipeline card-payments: {fields} (for a cluster)",
        "Passed over in SentinelModel card-fraud: spec.server (for a cluster)",
    )
    assert here.compiled == compile_files(files)


def test_the_secret_of_a_store_is_passed_over(tmp_path, files):
    artifact = "uri: https://models.example/1.tar\n    storeSecretRef: {name: store}"
    here = compiled_here(tmp_path, edited(files, "model.yaml", "uri: models/card-fraud", artifact))
    assert here.passed_over == (
        "Passed over in SentinelModel card-fraud: spec.artifact.storeSecretRef (for a cluster)",
    )


def test_a_call_to_a_model_server_is_refused_at_its_place(tmp_path, files):
    remote = edited(files, "pipeline.yaml", "placement: Inline", "placement: Remote")
    with pytest.raises(InvalidDocumentError) as caught:
        compiled_here(tmp_path, remote)
    (problem,) = caught.value.problems
    line = 1 + remote["pipeline.yaml"].split("placement: Remote")[0].count("\n")
    assert problem.location == f"{tmp_path / 'pipeline.yaml'}:{line}:7"
    assert "there is none here (write Inline" in str(problem)
