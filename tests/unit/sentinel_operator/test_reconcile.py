"""What one resource costs is not paid by the others, nor by the Lease; what follows a refusal."""

import asyncio
import threading
from functools import partial

from sentinel_operator.kube.errors import RefusedError
from sentinel_operator.kube.kinds import ObjectKey, ResourceKey
from sentinel_operator.reconcile import Reconciler, _take
from sentinel_operator.services.plan import Plan

KEY = ResourceKey("SentinelPipeline", "payments", "card-payments")


def test_the_process_goes_on_while_a_decision_takes_its_time():
    released = threading.Event()

    def decide(observed):
        assert released.wait(timeout=60), "nothing else ran meanwhile"
        return Plan(status={"phase": observed})

    async def run():
        reconciler = Reconciler(*[None] * 6, decide={KEY.kind: decide}, apis=frozenset)
        deciding = asyncio.create_task(reconciler._decide(KEY, "Ready"))
        await asyncio.sleep(0)
        released.set()
        return await deciding

    assert asyncio.run(run()) == Plan(status={"phase": "Ready"})


def take(*kinds, refused, vital=None):
    """Take a step for each kind, of which some are refused; return what was taken and refused."""
    taken = []

    async def step(kind):
        if kind in refused:
            raise RefusedError("It may not be.", words="no", user_action="Ask.")
        taken.append(kind)
        return True

    steps = [(ObjectKey(kind, "n", "a"), partial(step, kind)) for kind in kinds]
    changed, found = asyncio.run(_take(steps, vital=vital))
    assert changed == bool(taken)
    return taken, found


def test_a_refusal_keeps_no_other_object_from_its_step():
    taken = take("Service", "Job", "Pod", refused=["Service", "Job"])
    assert taken == (["Pod"], {("Service", "a"): "no", ("Job", "a"): "no"})


def test_nothing_follows_the_refusal_of_what_all_else_rests_on():
    kinds = ("Service", "ControllerRevision", "ConfigMap")
    taken = take(*kinds, refused=kinds[:2], vital="ControllerRevision")
    assert taken == ([], {("Service", "a"): "no", ("ControllerRevision", "a"): "no"})
