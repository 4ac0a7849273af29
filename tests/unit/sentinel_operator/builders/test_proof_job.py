"""A Job that proves an artifact is another one exactly when its verdict may be another."""

from dataclasses import replace

import pytest

from sentinel_core.resources.server import Resources
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.proof_job import Proof, build_proof_job, proof_name

MODEL = Child("SentinelModel", "card-fraud", "payments", "u1")
RESOURCES = Resources.model_validate({})
PROOF = Proof("s3://m/a.tar", f"sha256:{'a' * 64}", "model-store", None, "bento:1", RESOURCES)


def limited(**limits):
    return Resources.model_validate({"limits": limits})


def container_of(proof):
    (container,) = build_proof_job(MODEL, proof, pull_policy="Always")["spec"]["template"]["spec"][
        "containers"
    ]
    return container


@pytest.mark.parametrize(
    "change",
    [
        {"uri": "s3://m/b.tar"},
        {"digest": f"sha256:{'b' * 64}"},
        {"store": None},
        {"public_key": "PEM"},
        {"image": "bento:2"},
        {"resources": limited(memory="2Gi")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_fact_is_another_proof(change):
    assert proof_name(MODEL, PROOF) != proof_name(MODEL, replace(PROOF, **change))


def test_more_cpu_is_no_other_proof():
    faster = replace(PROOF, resources=limited(memory="1Gi", cpu="2"))
    assert proof_name(MODEL, PROOF) == proof_name(MODEL, faster)


def test_attempts_of_a_proof_share_its_key_and_not_its_name():
    again = replace(PROOF, attempt=1)
    assert (again.key, proof_name(MODEL, again)) == (PROOF.key, f"{proof_name(MODEL, PROOF)}-1")


def test_the_longest_name_of_a_proof_is_a_label():
    child = Child("SentinelModel", "a" * 40, "payments", "u1")
    assert len(proof_name(child, replace(PROOF, attempt=999))) <= 63


def test_a_proof_may_use_as_much_memory_as_the_server():
    container = container_of(replace(PROOF, resources=limited(memory="3Gi")))
    assert container["resources"]["limits"] == {"memory": "3Gi"}


def test_a_proof_reads_the_verdict_file_that_the_kubelet_reads():
    container = container_of(PROOF)
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["SENTINEL_VERDICT_FILE"] == container["terminationMessagePath"]


def test_a_proof_without_a_store_mounts_and_names_none():
    container = container_of(replace(PROOF, store=None))
    mounted = [one["name"] for one in container["volumeMounts"]]
    assert ("--store" in container["args"], mounted) == (False, ["tmp"])


def test_a_proof_with_a_store_names_the_folder_that_is_mounted():
    container = container_of(PROOF)
    folder = container["args"][container["args"].index("--store") + 1]
    assert folder in [one["mountPath"] for one in container["volumeMounts"]]
