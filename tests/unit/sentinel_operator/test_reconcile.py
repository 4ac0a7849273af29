"""What one resource costs is not paid by the others, nor by the Lease."""

import asyncio
import threading

from sentinel_operator.kube.kinds import ResourceKey
from sentinel_operator.reconcile import Reconciler
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
