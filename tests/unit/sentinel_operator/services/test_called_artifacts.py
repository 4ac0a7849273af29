"""A model's server keeps what any release still calls, until no pod decides with it."""

import json

import pytest

from sentinel_bentos.model.assignment import Assignment as ServedAssignment
from sentinel_core.ids import digest_bytes
from sentinel_core.release import Compiled
from sentinel_core.release.document import ModelFailure, ReleaseModel
from sentinel_core.resources.server import MAX_OTHER_ARTIFACTS
from sentinel_core.resources.status import ProvenArtifactStatus
from sentinel_operator.builders.child import Child
from sentinel_operator.services.artifact import ArtifactState
from sentinel_operator.services.assignment import assign
from sentinel_operator.services.plan import Observed, Served
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.proof import ProofState
from sentinel_operator.services.releases import Revision, build_revision_of, read_revisions
from sentinel_operator.services.rollout import Step
from sentinel_operator.services.status import Judgement
from tests.support.pipelines import build_release

TIME = "2026-01-01T00:00:00Z"
PIPELINE = Child("SentinelPipeline", "payments", "default", "uid-of-the-pipeline")
OLD, NEW = digest_bytes(b"old"), digest_bytes(b"new")
PROVEN = ProvenArtifactStatus(digest=NEW, revision=2, since=TIME, uri="s3://m/new.tar")
ARTIFACT = ArtifactState(
    ProofState("Proven"), PROVEN, None, None, Judgement("True", "Proven", "It is proven.")
)


def revision(artifact, number, role):
    called = ReleaseModel(
        name="fraud",
        model="card-fraud",
        uri=f"s3://m/{number}.tar",
        digest=artifact,
        deadline_ms=10,
        on_failure=ModelFailure(action="Skip"),
        placement="Remote",
        grpc_url="dns:///card-fraud-model-pods.default.svc:3001",
    )
    release = build_release().model_copy(update={"models": (called,)})
    return Revision(release, {}, number, role, TIME, confirmed=True)


def stored(kept):
    thing = build_revision_of(PIPELINE, kept)
    return {**thing, "metadata": {**thing["metadata"], "creationTimestamp": TIME}}


def observed(*, revisions=(), served=(), pods=(), reports=()):
    status = {"served": [{"digest": one, "pods": 1} for one in served]}
    pipeline = {"metadata": {"name": "payments", "uid": PIPELINE.uid}, "status": status}
    things = tuple(stored(one) for one in revisions)
    return Observed(
        resource={}, children={}, pods=pods, proof_pods=(), inputs={}, models={},
        pipelines={"payments": pipeline}, pipeline_revisions={"payments": things},
        revisions=things, served=reports, apis=frozenset(), now=0.0,
    )  # fmt: skip


def kept(*, served=(), **roles):
    revisions = [revision(OLD, 1, roles["old"]), revision(NEW, 2, roles["new"])]
    names = {"old": revisions[0].digest, "new": revisions[1].digest}
    given = observed(revisions=revisions, served=[names[one] for one in served])
    return [one.digest for one in assign("card-fraud", ARTIFACT, given).others]


@pytest.mark.parametrize("role", ["stable", "candidate"])
def test_an_artifact_that_a_release_in_use_calls_is_kept(role):
    assert kept(old=role, new="history") == [OLD]


def test_an_artifact_is_kept_while_pods_decide_with_a_release_that_calls_it():
    assert kept(old="history", new="stable", served=["old"]) == [OLD]


def test_an_artifact_goes_once_every_pod_has_moved_on():
    assert kept(old="history", new="stable", served=["new"]) == []


def test_the_default_artifact_is_not_assigned_a_second_time():
    assert kept(old="history", new="stable", served=["new", "new"]) == []


def test_of_more_artifacts_than_a_server_takes_those_of_candidates_are_left_out():
    candidates = [digest_bytes(b"%d" % n) for n in range(MAX_OTHER_ARTIFACTS)]
    revisions = [revision(one, n, "candidate") for n, one in enumerate(candidates, 1)]
    revisions.append(revision(OLD, 100, "stable"))
    assignment = assign("card-fraud", ARTIFACT, observed(revisions=revisions))
    assigned = [one.digest for one in assignment.others]
    assert (assigned[0], len(assigned)) == (OLD, MAX_OTHER_ARTIFACTS)
    assert set(assignment.left_out) == {*candidates, OLD} - set(assigned)
    assert set(candidates) >= set(assignment.left_out)


def test_a_server_takes_as_many_artifacts_as_it_may_be_assigned():
    revisions = [
        revision(digest_bytes(b"%d" % n), n, "stable") for n in range(1, MAX_OTHER_ARTIFACTS + 2)
    ]
    assignment = assign("card-fraud", ARTIFACT, observed(revisions=revisions))
    read = ServedAssignment.model_validate_json(assignment.data()["artifacts.json"])
    assert len(read.others) == MAX_OTHER_ARTIFACTS


def decide(*, reported):
    old, new = revision(OLD, 1, "stable"), revision(NEW, 2, "candidate")
    pod = {
        "metadata": {"name": "a", "uid": "uid-of-the-pod"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    pods = Pods.of(observed(pods=(pod,), reports=(Served("a", reported(old.digest, new.digest)),)))
    step = Step(
        known={one.digest: one for one in (old, new)},
        wanted=Compiled(new.release, {}),
        pods=pods,
        resource="payments",
        time=TIME,
        history_limit=0,
    )
    rollout = step.decide()
    names = {old.digest: "old", new.digest: "new"}
    return [names[one.digest] for one in rollout.kept], [
        names[one.digest] for one in rollout.forgotten
    ]


def test_a_release_outlives_the_history_limit_while_a_pod_decides_with_it():
    def promoted(old, new):
        return {"stable": old, "candidate": new, "state": "Ready"}

    assert decide(reported=promoted) == (["new", "old"], [])


def test_a_release_that_no_pod_decides_with_goes_by_the_history_limit():
    def moved(_, new):
        return {"stable": new, "candidate": new, "state": "Ready"}

    assert decide(reported=moved) == (["new"], ["old"])


def test_a_release_is_the_same_after_it_was_kept_in_a_revision():
    (read,) = read_revisions([json.loads(json.dumps(stored(revision(OLD, 1, "stable"))))])
    assert revision(OLD, 1, "stable") == read
