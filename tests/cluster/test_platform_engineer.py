"""The README's block as it is typed, and then the tutorial: changes, bad ones, and taking it away."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, field

import grpc
import httpx
import pytest
from google.protobuf.json_format import ParseDict
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from tests.support.cluster_place import ClusterPlace
from tests.support.operator_process import eventually
from tests.support.pages import ROOT, Terminal, lines_of
from tests.support.ports import free_port

README = lines_of(ROOT / "README.md", "## Cluster")
TUTORIAL = lines_of(ROOT / "docs" / "tutorial" / "on-kubernetes.md")
ONCE_FOR_A_MACHINE = "./task setup:servers"
PREPARED = "./task k8s:build-load"
FORWARD = "./task k8s:forward"
INSTALL = "helm install sentinel helm/sentinel -n sentinel-system --create-namespace"
WORKING = "kubectl -n sentinel-system rollout status deployment/sentinel-operator"
APPLY = "kubectl apply -f manifests/samples/card-payments/"
WAIT = "kubectl wait --for=condition=Ready spipe/card-payments --timeout=120s"
LOOK = "kubectl get smodel,spipe"
APPLY_RULES = "kubectl apply -f manifests/samples/card-payments/rules.yaml"
FAILURE = "kubectl get spipe card-payments -o jsonpath='{.status.lastFailure}'"
DELETE = "kubectl delete -f manifests/samples/card-payments/"
UNINSTALL = "helm uninstall sentinel -n sentinel-system"
FIRST_DECISION_SECONDS = 180
"""What is promised between `helm install` and a decision, with the images on the nodes."""
MODEL, PIPELINE = ("SentinelModel", "card-fraud"), ("SentinelPipeline", "card-payments")


@dataclass(slots=True)
class Walk:
    """What came of the block.

    Attributes
    ----------
    port, grpc_port : where ``./task k8s:forward`` opened the pipeline
    seconds : since the first line, when each line was done
    """

    terminal: Terminal
    place: ClusterPlace
    key: str
    port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    seconds: dict[str, float] = field(default_factory=dict)
    forward: subprocess.Popen[str] | None = None

    def type(self, line):
        self.seconds[line] = time.monotonic()
        said = self.terminal.type(line.replace("localhost:3000", f"localhost:{self.port}"))
        self.seconds[f"{line} done"] = time.monotonic()
        return said

    def took(self, since, until):
        return self.seconds[until] - self.seconds[since]

    def start_forward(self):
        ports = f" -- --port {self.port} --grpc-port {self.grpc_port}"
        self.forward = subprocess.Popen(
            self.terminal.command(f"{FORWARD}{ports}"), env=self.terminal.environment,
            cwd=self.terminal.folder, stdout=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        assert self.forward.stdout is not None
        assert self.forward.stdout.readline().startswith("Connected")

    def stop_forward(self):
        if self.forward is not None:
            # Its shell and what that started; all of them are ours.
            subprocess.run(["kill", "--", f"-{self.forward.pid}"], check=True)
            self.forward.communicate()

    def score(self, event, key=None):
        headers = {} if key is None else {"X-API-Key": key}
        url = f"http://localhost:{self.port}/api/v1/score"
        return httpx.post(url, json=event, headers=headers, timeout=30, verify=False)

    @property
    def channel(self):
        return grpc.insecure_channel(f"localhost:{self.grpc_port}")


@pytest.fixture(scope="module")
def walk(prepared, chart, cluster, reader, figures):
    place = ClusterPlace(cluster.kubectl, reader, "default")
    # On a fresh cluster there are no such kinds yet.
    cluster.kubectl.run("delete", "smodel,spipe", "--all", "--namespace=default")
    if chart.is_installed:
        chart.uninstall()
    place.wait_for(lambda: not place.all("Deployment"), "nothing of an earlier walk is left")
    walk = Walk(Terminal(prepared.folder), place, prepared.api_key)
    try:
        for line in README:
            if line == FORWARD:
                walk.start_forward()
            elif line not in (ONCE_FOR_A_MACHINE, PREPARED):  # that one a fixture has done
                walk.type(line)
        figures.add(
            "helm_install_to_first_decision_seconds", walk.took(INSTALL, f"{README[-1]} done")
        )
        figures.add("apply_to_ready_sample_seconds", walk.took(APPLY, f"{WAIT} done"))
        yield walk
    finally:
        walk.stop_forward()


@pytest.fixture(scope="module")
def decision(walk):
    """What the README's last line, a call by curl, was answered."""
    return json.loads(walk.terminal.printed[README[-1].replace("3000", str(walk.port))])


@pytest.fixture(scope="module")
def event():
    """The event in the README's last line."""
    return json.loads(README[-1].partition(" -d ")[2].strip("'"))


def test_the_pages_have_the_lines_that_are_run_here():
    assert {ONCE_FOR_A_MACHINE, PREPARED, FORWARD, INSTALL, APPLY, WAIT, LOOK} <= set(README)
    changes = {WORKING, APPLY_RULES, FAILURE, DELETE, UNINSTALL}
    assert changes | set(README[:-1]) <= set(TUTORIAL) | {README[-1]}


def test_a_decision_comes_within_three_minutes_of_helm_install(walk, decision):
    assert decision["outcome"] in {"approve", "review", "block"}
    assert walk.took(INSTALL, f"{README[-1]} done") < FIRST_DECISION_SECONDS


def test_the_columns_say_what_is_ready(walk):
    lines = [line.split() for line in walk.terminal.printed[LOOK].splitlines() if line]
    models, pipelines = lines[:2], lines[2:]
    assert (models[0][:3], models[1][:3]) == (
        ["NAME", "READY", "PHASE"],
        ["sentinelmodel.sentinel.dev/card-fraud", "True", "Ready"],
    )
    assert (pipelines[0][:4], pipelines[1][:3]) == (
        ["NAME", "READY", "PHASE", "STABLE"],
        ["sentinelpipeline.sentinel.dev/card-payments", "True", "Ready"],
    )


def test_the_decision_is_of_the_release_that_the_status_names(walk, decision):
    assert decision["release"] == walk.place.stable("card-payments")
    assert decision["degraded"] == []


def test_nobody_is_answered_without_a_key(walk, event):
    assert [walk.score(event, key).status_code for key in (None, "another")] == [401, 401]


def test_the_same_event_has_the_same_decision_over_grpc(walk, decision, event):
    request = pb.ScoreRequest(
        event=ParseDict(
            {
                "id": event["id"],
                "occurred_at": event["occurred_at"],
                "entities": event["entities"],
                "transaction": event["payload"],
            },
            pb.Event(),
        )
    )
    answer = DecisionServiceStub(walk.channel).Score(
        request, metadata=[("x-api-key", walk.key)], timeout=30
    )
    told = answer.decision
    assert (told.id, told.score, told.outcome, told.release) == (
        decision["id"], decision["score"], decision["outcome"], decision["release"],
    )  # fmt: skip


def test_nobody_is_answered_over_grpc_without_a_key(walk):
    with pytest.raises(grpc.RpcError) as refused:
        DecisionServiceStub(walk.channel).Score(pb.ScoreRequest(), timeout=30)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_what_the_grpc_port_offers_can_be_listed(walk):
    services = ProtoReflectionDescriptorDatabase(walk.channel).get_services()
    assert {"sentinel.v1.DecisionService", "grpc.health.v1.Health"} <= set(services)


def test_the_status_task_shows_nodes_operator_pods_and_resources(walk):
    said = walk.type("./task k8s:status")
    for word in ("node2", "sentinel-operator-", "card-payments-decision-", "card-fraud-model-"):
        assert word in said


def change_rules(walk, old, new):
    """Edit the sample's rules, apply them as the tutorial does, and return the file to be put back."""
    path = walk.terminal.folder / "manifests/samples/card-payments/rules.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    walk.type(APPLY_RULES)
    return path, text


def test_a_changed_rule_is_taken_up_without_a_restart(walk, figures):
    place, before = walk.place, walk.place.stable("card-payments")
    lives = place.lives(PIPELINE)
    change_rules(walk, "effect: {points: 15}", "effect: {points: 16}")
    with figures.timed("changed_rules_to_ready_sample_seconds"):
        place.wait_until_stable("card-payments", before)
    assert place.lives(PIPELINE) == lives


def test_a_bad_rule_is_told_and_the_old_ones_go_on_deciding(walk, event):
    place, before = walk.place, walk.place.stable("card-payments")
    path, good = change_rules(walk, "effect: {points: 16}", "effect: {points: many}")
    place.wait_for(
        lambda: place.condition(*PIPELINE) == ("False", "InvalidDocument"), "the bad rule is told"
    )
    failure = json.loads(walk.type(FAILURE))
    assert (failure["location"], failure["reason"]) == ("inputs", "InvalidDocument")
    assert "rules.yaml" in failure["message"]
    assert failure["userAction"]
    assert place.condition(*PIPELINE, "Available")[0] == "True"
    answer = walk.score(event | {"id": "while-the-rules-are-bad"}, walk.key)
    assert (answer.status_code, answer.json()["release"]) == (200, before)
    path.write_text(good)
    walk.type(APPLY_RULES)
    place.wait_until_ready(*PIPELINE)
    assert place.failure(*PIPELINE) == {}


def test_the_digest_of_something_else_is_refused_and_applying_again_mends_it(walk):
    place, lives = walk.place, walk.place.lives(MODEL, PIPELINE)
    (wrong,) = [line for line in TUTORIAL if line.startswith("kubectl patch smodel card-fraud ")]
    walk.type(wrong)
    place.wait_for(
        lambda: place.condition(*MODEL) == ("False", "DigestMismatch"), "the digest is refused"
    )
    assert place.condition(*MODEL, "Available")[0] == "True"
    walk.type(APPLY)
    place.wait_until_ready(*MODEL)
    place.wait_until_ready(*PIPELINE)
    assert place.lives(MODEL, PIPELINE) == lives


def test_the_model_is_the_one_that_was_proposed(walk):
    proposed = walk.place.get(*MODEL)["spec"]["artifact"]
    assert proposed["uri"].startswith("s3://models/card-fraud/")
    assert proposed["storeSecretRef"] == {"name": "model-store"}


def test_deleting_the_sample_leaves_nothing_of_it(walk):
    walk.stop_forward()
    walk.forward = None
    walk.type(DELETE)
    kinds = ("Deployment", "Job", "ControllerRevision", "HorizontalPodAutoscaler", "NetworkPolicy")
    eventually(
        lambda: not any(walk.place.all(kind) for kind in kinds), "children go with their owners"
    )


def test_resources_outlive_the_chart_that_brought_their_definitions(walk, chart):
    walk.type(UNINSTALL)
    walk.place.kubectl("get", "smodel,spipe")
    eventually(lambda: not chart.pods, "the operator is gone")
