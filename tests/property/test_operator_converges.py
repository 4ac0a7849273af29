"""Whatever happens, in whatever order: the laws hold at every step, and all ends as declared."""

from __future__ import annotations

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.simulated import Broken, SimulatedCluster
from tests.support.simulated.laws import pass_by_lawfully
from tests.support.simulated.resources import (
    FIRST,
    MODEL,
    PIPELINE,
    SECOND,
    build_model,
    build_pipeline,
    build_rules,
)

DIGESTS = st.sampled_from([FIRST, SECOND])
CHILDREN = st.sampled_from(
    [
        ("Deployment", "card-fraud-model"),
        ("Deployment", "card-payments-decision"),
        ("ConfigMap", "card-payments-decision"),
        ("Service", "card-fraud-model"),
        ("NetworkPolicy", "card-payments-decision"),
    ]
)


def build_settled() -> SimulatedCluster:
    cluster = SimulatedCluster()
    cluster.put(build_model(server={"replicas": 2}), build_rules(), build_pipeline())
    cluster.settle(8)
    return cluster


SETTLED = build_settled()


def build_placed(placement):
    pipeline = build_pipeline()
    pipeline["spec"]["models"][0]["placement"] = placement
    return pipeline


class LifeOfAPipeline(RuleBasedStateMachine):
    """A model and its pipeline, to which anything may happen."""

    def __init__(self):
        super().__init__()
        self.cluster = copy.deepcopy(SETTLED)

    @invariant()
    def laws_hold(self):
        pass_by_lawfully(self.cluster)

    @rule(digest=DIGESTS, replicas=st.sampled_from([1, 2]))
    def propose(self, digest, replicas):
        self.cluster.put(build_model(digest, server={"replicas": replicas}))

    @rule(points=st.sampled_from([10, 20, 30]))
    def change_the_rules(self, points):
        self.cluster.put(build_rules(points))

    @rule()
    def spoil_the_rules(self):
        self.cluster.put({**build_rules(), "data": {"rules.yaml": "- id: broken"}})

    @rule(placement=st.sampled_from(["Inline", "Remote"]))
    def place_the_model(self, placement):
        self.cluster.put(build_placed(placement))

    @rule(digest=DIGESTS)
    def refuse_the_proof(self, digest):
        self.cluster.world.verdicts[digest] = {"reason": "ProbeMismatch"}

    @rule(digest=DIGESTS, retrying=st.booleans())
    def break_what_servers_load(self, digest, retrying):
        self.cluster.world.broken[digest] = Broken("StoreUnreachable", retrying=retrying)

    @rule()
    def mend_everything(self):
        self.cluster.world.verdicts.clear()
        self.cluster.world.broken.clear()
        self.cluster.mute.clear()

    @rule(number=st.integers(0, 100))
    def lose_a_pod(self, number):
        pods = sorted(self.cluster.pods)
        if pods:
            self.cluster.pods[pods[number % len(pods)]].delete()

    @rule(number=st.integers(0, 100))
    def silence_a_pod(self, number):
        pods = sorted(self.cluster.pods)
        if pods:
            self.cluster.mute.add(pods[number % len(pods)])

    @rule(child=CHILDREN)
    def remove_a_child(self, child):
        if child in self.cluster.objects:
            self.cluster.remove(*child)

    @rule()
    def forget_the_statuses(self):
        for resource in (MODEL, PIPELINE):
            self.cluster.objects[resource].pop("status", None)

    @rule(steps=st.integers(1, 12))
    def wait(self, steps):
        for _ in range(steps):
            pass_by_lawfully(self.cluster)

    def teardown(self):
        """What is mended ends ready, and is then written to no more."""
        self.mend_everything()
        # Another artifact and other rules: what was refused for good is not asked for again.
        self.cluster.put(build_model(f"sha256:{'3' * 64}", server={"replicas": 2}))
        self.cluster.put(build_rules(99), build_placed("Inline"))
        self.wait(40)
        states = [self.cluster.condition(*resource, "Ready") for resource in (MODEL, PIPELINE)]
        assert states == [("True", "Served")] * 2
        self.cluster.writes.clear()
        self.wait(15)
        assert self.cluster.writes == []


TestLifeOfAPipeline = LifeOfAPipeline.TestCase
TestLifeOfAPipeline.settings = settings(max_examples=20, stateful_step_count=15)
