"""An artifact is proven by a Job before anything serves it, and again where that may help."""

import itertools

import pytest

from tests.support.simulated import SimulatedCluster
from tests.support.simulated.resources import FIRST, MODEL, SECOND, build_input, build_model

SERVER = {"replicas": 1}
SIGNED = {"publicKeyRef": {"name": "model-signing", "key": "cosign.pub"}}


@pytest.fixture
def cluster():
    return SimulatedCluster()


def jobs(cluster):
    return sorted(name for kind, name in cluster.objects if kind == "Job")


def ready(cluster):
    return cluster.condition(*MODEL, "Ready")


def signed(digest=FIRST, server=None):
    model = build_model(digest, server=server)
    model["spec"]["artifact"]["signature"] = SIGNED
    return model


def test_the_job_and_the_first_server_begin_together(cluster):
    cluster.put(build_model(server=SERVER))
    cluster.reconcile(*MODEL)
    kinds = {kind for kind, _ in cluster.objects}
    assert {"Job", "Deployment"} <= kinds


def test_pods_are_told_nothing_before_the_proof(cluster):
    cluster.put(build_model(server=SERVER))
    cluster.reconcile(*MODEL)
    assert cluster.objects["ConfigMap", "card-fraud-model"]["data"] == {}


def test_a_model_without_a_server_has_no_children_but_its_job(cluster):
    cluster.put(build_model())
    cluster.settle(3)
    assert sorted(kind for kind, _ in cluster.objects) == ["Job", "SentinelModel"]


def test_a_model_without_a_server_is_ready_once_it_is_proven(cluster):
    cluster.put(build_model())
    cluster.reconcile(*MODEL)
    before = ready(cluster)
    cluster.settle(3)
    assert [before, ready(cluster)] == [("False", "Verifying"), ("True", "Served")]


def test_a_server_that_is_taken_out_goes_with_all_of_its_children(cluster):
    cluster.put(build_model(server=SERVER))
    cluster.settle(5)
    cluster.put(build_model())
    cluster.settle(2)
    assert sorted(kind for kind, _ in cluster.objects) == ["Job", "SentinelModel"]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ({"reason": "SignatureInvalid"}, "SignatureInvalid"),
        ({"reason": "ProbeMismatch"}, "ProbeMismatch"),
        ({"reason": "OfANewerVersion"}, "Unexpected"),
        ("OOMKilled", "OOMKilled"),
        ("silent", "ProofFailed"),
        ({"reason": "StoreUnreachable", "retryable": True}, "StoreUnreachable"),
    ],
)
def test_a_refusal_becomes_the_reason(cluster, outcome, reason):
    cluster.world.verdicts[FIRST] = outcome
    cluster.put(build_model())
    cluster.settle(3)
    failure = cluster.status(*MODEL)["lastFailure"]
    assert ("False", reason) == ready(cluster)
    assert ("False", reason) == cluster.condition(*MODEL, "ArtifactVerified")
    assert (reason, True) == (failure["reason"], bool(failure["userAction"]))


def test_the_action_of_the_verdict_is_told(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "ProbeMismatch", "userAction": "Train it again."}
    cluster.put(build_model())
    cluster.settle(3)
    assert cluster.status(*MODEL)["lastFailure"]["userAction"] == "Train it again."


def test_a_verdict_is_final_where_only_a_change_helps(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "DigestMismatch"}
    cluster.put(build_model())
    cluster.settle(3)
    before = jobs(cluster)
    cluster.settle(600)
    assert before == jobs(cluster)


@pytest.mark.parametrize("reason", ["StoreUnreachable", "StoreDenied", "ArtifactMissing"])
def test_a_store_that_is_mended_is_asked_again(cluster, reason):
    cluster.world.verdicts[FIRST] = {"reason": reason, "retryable": reason == "StoreUnreachable"}
    cluster.put(build_model())
    cluster.settle(3)
    cluster.world.verdicts.clear()
    cluster.settle(10)
    assert ready(cluster) == ("True", "Served")


def test_attempts_wait_longer_each_time(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "StoreUnreachable", "retryable": True}
    cluster.put(build_model())
    began, seen = [], set()
    for _ in range(400):
        cluster.pass_by()
        new = set(jobs(cluster)) - seen
        began += [cluster.now] * len(new)
        seen |= new
    waits = [after - before for before, after in itertools.pairwise(began)]
    assert [5 * round(wait / 5) for wait in waits[:5]] == [5, 10, 20, 40, 80]


def test_a_store_that_was_away_for_days_is_asked_again(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "StoreUnreachable", "retryable": True}
    cluster.put(build_model())
    cluster.settle(3)
    (job,) = jobs(cluster)
    cluster.objects["Job", job]["metadata"]["labels"]["sentinel.dev/attempt"] = "1024"
    cluster.world.verdicts.clear()
    cluster.settle(310)
    assert ready(cluster) == ("True", "Served")


def test_the_reason_stays_while_another_attempt_runs(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "StoreUnreachable", "retryable": True}
    cluster.put(build_model())
    cluster.settle(3)
    cluster.history.clear()
    cluster.settle(60)
    assert cluster.history == {}


def test_jobs_of_earlier_attempts_go(cluster):
    cluster.world.verdicts[FIRST] = {"reason": "StoreUnreachable", "retryable": True}
    cluster.put(build_model())
    cluster.settle(100)
    assert len(jobs(cluster)) == 1


def test_the_job_of_another_artifact_goes(cluster):
    cluster.put(build_model())
    cluster.settle(3)
    (first,) = jobs(cluster)
    cluster.put(build_model(SECOND))
    cluster.settle(3)
    assert (len(jobs(cluster)), first in jobs(cluster)) == (1, False)


def test_a_proof_that_hangs_is_ended_and_done_again(cluster):
    cluster.world.verdicts[FIRST] = "hangs"
    cluster.put(build_model())
    cluster.settle(182)
    assert ready(cluster) == ("False", "ProofTimedOut")
    cluster.world.verdicts.clear()
    cluster.settle(10)
    assert ready(cluster) == ("True", "Served")


def test_a_proof_whose_image_did_not_come_in_time_says_so(cluster):
    cluster.put(build_model())
    cluster.pass_by()
    (pod,) = cluster.pods.values()
    # As a kubelet of Kubernetes 1.34 has it.
    unknown = {"reason": "ContainerStatusUnknown", "exitCode": 137, "message": "not located"}
    container = {"imageID": "", "state": {"terminated": unknown}}
    pod.say(phase="Failed", reason="DeadlineExceeded", containerStatuses=[container])
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "ImagePullFailed")


def test_a_proof_whose_pod_is_denied_says_where_to_look(cluster):
    """As a quota does it: the Job is there, and Kubernetes writes why it has no pod into an Event."""
    cluster.put(build_model())
    again = cluster.reconcile(*MODEL).again_after_seconds
    (job,) = jobs(cluster)
    cluster.now += 29
    early = cluster.reconcile(*MODEL).again_after_seconds, ready(cluster)
    cluster.now += 1
    cluster.reconcile(*MODEL)
    failure = cluster.status(*MODEL)["lastFailure"]
    assert [again, early] == [None, (1.0, ("False", "Verifying"))]
    assert ready(cluster) == ("False", "ChildRefused")
    assert f"kubectl describe job {job} -n payments" in failure["userAction"]
    cluster.settle(3)
    assert ready(cluster) == ("True", "Served")


def test_more_memory_is_proved_anew(cluster):
    cluster.world.verdicts[FIRST] = "OOMKilled"
    cluster.put(build_model(server=SERVER))
    cluster.settle(3)
    cluster.world.verdicts.clear()
    more = {"limits": {"memory": "2Gi"}}
    cluster.put(build_model(server={**SERVER, "resources": more}))
    cluster.settle(10)
    assert ready(cluster) == ("True", "Served")


def test_a_proof_whose_image_cannot_be_had_says_so(cluster):
    cluster.world.images["sentinel.local/bento:dev"] = "pull"
    cluster.put(build_model())
    cluster.settle(3)
    assert ready(cluster) == ("False", "ImagePullFailed")


def test_a_job_that_is_taken_away_leaves_the_artifact_proven(cluster):
    cluster.put(build_model())
    cluster.settle(3)
    cluster.history.clear()
    cluster.remove("Job", *jobs(cluster))
    cluster.settle(5)
    assert [cluster.history, len(jobs(cluster))] == [{}, 1]


def test_a_pod_that_is_taken_away_leaves_the_artifact_proven(cluster):
    cluster.put(build_input("model-signing", {"cosign.pub": "PEM"}), signed())
    cluster.settle(3)
    cluster.history.clear()
    cluster.pods.clear()
    cluster.settle(5)
    assert cluster.history == {}


def test_a_proof_goes_on_where_the_operator_forgot_that_it_began(cluster):
    """A status that was lost is found again from the Job."""
    cluster.put(build_model())
    cluster.settle(3)
    del cluster.objects[MODEL]["status"]
    cluster.settle(1)
    assert cluster.status(*MODEL)["artifact"]["digest"] == FIRST


@pytest.mark.parametrize("server", [None, SERVER])
def test_an_artifact_that_only_moved_keeps_its_number(cluster, server):
    cluster.put(build_model(server=server))
    cluster.settle(5)
    before = cluster.status(*MODEL)["artifact"]
    moved = build_model(server=server)
    moved["spec"]["artifact"]["uri"] = "s3://other/place.tar"
    cluster.put(moved)
    cluster.reconcile(*MODEL)
    assert ready(cluster) == ("False", "Verifying")
    cluster.settle(3)
    after = cluster.status(*MODEL)["artifact"]
    assert {**before, "uri": "s3://other/place.tar"} == after


def test_numbers_count_the_artifacts_that_were_proven(cluster):
    cluster.put(build_model())
    cluster.settle(3)
    cluster.world.verdicts[SECOND] = {"reason": "DigestMismatch"}
    cluster.put(build_model(SECOND))
    cluster.settle(3)
    cluster.world.verdicts.clear()
    third = f"sha256:{'3' * 64}"
    cluster.put(build_model(third))
    cluster.settle(3)
    assert (third, 2) == tuple(
        cluster.status(*MODEL)["artifact"][k] for k in ("digest", "revision")
    )


def test_nothing_is_proved_before_an_artifact_was_proposed(cluster):
    cluster.put(build_model(f"sha256:{'0' * 64}"))
    cluster.settle(2)
    assert jobs(cluster) == []
    assert [
        ready(cluster),
        cluster.status(*MODEL)["phase"],
    ] == [("False", "ModelNotProposed"), "Pending"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "InputNotFound"),
        ({"other.pub": "PEM"}, "InputNotFound"),
        ("unlabelled", "InputNotLabelled"),
    ],
)
def test_a_key_that_cannot_be_had_keeps_the_proof_waiting(cluster, key, reason):
    if key is not None:
        data = {"cosign.pub": "PEM"} if key == "unlabelled" else key
        config_map = build_input("model-signing", data)
        if key == "unlabelled":
            config_map["metadata"]["labels"] = {}
        cluster.put(config_map)
    cluster.put(signed())
    cluster.settle(2)
    assert [("False", reason), []] == [ready(cluster), jobs(cluster)]


def test_the_key_is_given_to_the_proof_and_to_the_server(cluster):
    cluster.put(build_input("model-signing", {"cosign.pub": "PEM"}), signed(server=SERVER))
    cluster.settle(5)
    (job,) = jobs(cluster)
    container = cluster.objects["Job", job]["spec"]["template"]["spec"]["containers"][0]
    told = cluster.objects["ConfigMap", "card-fraud-model"]["data"]["artifacts.json"]
    assert {"name": "SENTINEL_PUBLIC_KEY", "value": "PEM"} in container["env"]
    assert '"publicKey":"PEM"' in told


def test_the_key_goes_with_the_artifact_that_is_declared(cluster):
    """Another may be of another signer; its digest was proven with its signature."""
    cluster.put(build_input("model-signing", {"cosign.pub": "PEM"}), signed(server=SERVER))
    cluster.settle(5)
    cluster.world.verdicts[SECOND] = {"reason": "SignatureInvalid"}
    cluster.put(signed(SECOND, server=SERVER))
    cluster.settle(5)
    told = cluster.objects["ConfigMap", "card-fraud-model"]["data"]["artifacts.json"]
    assert (FIRST in told, '"publicKey":null' in told) == (True, True)


def test_another_key_reaches_pods_once_the_artifact_is_proven_with_it(cluster):
    """A new pod would refuse what the others serve, and could not start."""
    cluster.put(build_input("model-signing", {"cosign.pub": "PEM"}), signed(server=SERVER))
    cluster.settle(5)
    cluster.world.verdicts[FIRST] = {"reason": "SignatureInvalid"}
    cluster.put(build_input("model-signing", {"cosign.pub": "ANOTHER"}))
    seen = []
    for _ in range(6):
        cluster.pass_by()
        told = cluster.objects["ConfigMap", "card-fraud-model"]["data"]["artifacts.json"]
        seen.append((FIRST in told, "ANOTHER" in told))
    cluster.world.verdicts.clear()
    cluster.put(build_input("model-signing", {"cosign.pub": "THIRD"}))
    cluster.settle(5)
    told = cluster.objects["ConfigMap", "card-fraud-model"]["data"]["artifacts.json"]
    assert [seen, '"publicKey":"THIRD"' in told] == [[(True, False)] * 6, True]


def test_another_key_is_proved_before_the_model_is_ready_again(cluster):
    cluster.put(build_input("model-signing", {"cosign.pub": "PEM"}), signed())
    cluster.settle(3)
    cluster.world.verdicts[FIRST] = {"reason": "SignatureInvalid"}
    cluster.put(build_input("model-signing", {"cosign.pub": "ANOTHER"}))
    cluster.reconcile(*MODEL)
    before = ready(cluster)
    cluster.settle(3)
    assert [before, ready(cluster)] == [("False", "Verifying"), ("False", "SignatureInvalid")]
