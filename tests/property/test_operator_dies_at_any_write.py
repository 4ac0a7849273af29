"""An operator that ends before any one of its writes leaves nothing that the next one cannot finish.

The tests on an API server break the calls of a real process; this one reaches every write of every
change in seconds, and holds each state in between to the laws.
"""

from __future__ import annotations

import copy

import pytest

from tests.support.simulated import Broken, SimulatedCluster
from tests.support.simulated.laws import (
    check_ready,
    check_roles,
    check_takeover,
    pass_by_lawfully,
    projected,
)
from tests.support.simulated.resources import (
    MODEL,
    PIPELINE,
    SECOND,
    build_model,
    build_pipeline,
    build_rules,
)

SERVER = {"replicas": 2}
NEVER = 10**6
ROUNDS = 24
"""Half a second each; the longest change takes 14."""
FEWEST_WRITES = 6
"""Of the changes here: a revision twice, what pods are told twice, and the statuses."""


class DiedError(Exception):
    """The operator's process ended before a write."""


class Mortal(SimulatedCluster):
    """A cluster whose operator dies instead of making a certain write."""

    spared = NEVER

    def _spend(self):
        self.spared -= 1
        if self.spared < 0:
            self.spared = NEVER
            raise DiedError

    def _apply(self, wanted):
        live = self.objects.get((wanted["kind"], wanted["metadata"]["name"]))
        if live is None or live.get("applied") != wanted:
            self._spend()
        super()._apply(wanted)

    def remove(self, kind, name):
        self._spend()
        super().remove(kind, name)

    def _scale(self, name, replicas):
        if self.objects["Deployment", name]["spec"].get("replicas", 1) != replicas:
            self._spend()
        super()._scale(name, replicas)

    def _write_status(self, kind, name, plan):
        if self.status(kind, name) != plan.status:
            self._spend()
        super()._write_status(kind, name, plan)


def build_remote(**spec):
    pipeline = build_pipeline(**spec)
    pipeline["spec"]["models"][0]["placement"] = "Remote"
    return pipeline


def build_settled(pipeline):
    cluster = Mortal()
    cluster.put(build_model(server=SERVER), build_rules(), pipeline)
    cluster.settle(ROUNDS / 2)
    return cluster


def propose(cluster):
    cluster.put(build_model(SECOND, server={"replicas": 1}))


def change_rules(cluster):
    cluster.put(build_rules(20))


def break_candidate(cluster):
    """Change the rules to some that pods refuse."""
    foreseen = copy.deepcopy(cluster)
    change_rules(foreseen)
    foreseen.reconcile(*PIPELINE)
    candidate = projected(foreseen, "card-payments", "candidate.json")
    cluster.world.broken[candidate] = Broken("FeatureSpecMismatch")
    change_rules(cluster)


def declare_everything(cluster):
    cluster.put(build_model(server=SERVER), build_rules(), build_pipeline())


def change_both(cluster):
    propose(cluster)
    change_rules(cluster)


INLINE, REMOTE = (
    build_settled(build_pipeline()),
    build_settled(build_remote(revisionHistoryLimit=0)),
)
CHANGES = {
    "creation": (Mortal(), declare_everything),
    "another artifact": (INLINE, propose),
    "other rules": (INLINE, change_rules),
    "rules that pods refuse": (INLINE, break_candidate),
    "an artifact that is called": (REMOTE, propose),
    "both at once": (REMOTE, change_both),
}


def live_through(cluster, change, *, spared):
    """Let a change come about; return whether the operator died on the way."""
    change(cluster)
    cluster.spared, died = spared, False
    for _ in range(ROUNDS):
        for resource in (MODEL, PIPELINE):
            before = projected(cluster, "card-payments")
            try:
                cluster.reconcile(*resource)
            except DiedError:
                died = True
            check_ready(cluster, *resource)
            check_takeover(cluster, "card-payments", before)
        cluster.step()
    cluster.spared = NEVER
    for _ in range(4):
        pass_by_lawfully(cluster)
    check_roles(cluster, "card-payments")
    return died


def outcome(cluster):
    """Return what a change came to, but for times and for how many releases there were between."""
    pods = sorted(pod.server.report()["stable"] for pod in cluster.pods.values() if pod.server)
    states = [
        [(one["type"], one["status"], one["reason"]) for one in cluster.status(*r)["conditions"]]
        for r in (MODEL, PIPELINE)
    ]
    return states, cluster.status(*PIPELINE)["stable"]["digest"], pods, sorted(cluster.objects)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_ends_the_same_wherever_the_operator_dies(name):
    before, change = CHANGES[name]
    unharmed = copy.deepcopy(before)
    live_through(unharmed, change, spared=NEVER)
    deaths = 0
    while True:
        cluster = copy.deepcopy(before)
        if not live_through(cluster, change, spared=deaths):
            break
        assert outcome(cluster) == outcome(unharmed), f"died before write {deaths}"
        deaths += 1
    assert deaths >= FEWEST_WRITES
