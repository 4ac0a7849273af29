"""The Lease: lost answers do not cost it, and whoever may not hold it writes nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sentinel_operator.kube.errors import ConflictedError, UnavailableError
from sentinel_operator.kube.fence import Fence
from sentinel_operator.kube.heartbeat import Heartbeat
from sentinel_operator.lease import CALL_SECONDS, Candidacy, Elector, LeaseLostError
from tests.support.virtual_time import LoopClock, run_hurrying

CANDIDACY = Candidacy("n", "operator", "me")


class LeaseApi:
    """Keeps one Lease as an API server does, and fails writes, by their number, as it is told.

    ``lost`` carries the write out and never answers, ``swallowed`` does neither.
    """

    def __init__(self, **faults):
        self.faults = {int(number[1:]): kind for number, kind in faults.items()}
        self.lease = None
        self.version = 0
        self.sent = []

    async def find(self, _):
        return self.lease

    async def write(self, method, _, body):
        self.sent.append(asyncio.get_running_loop().time())
        fault = self.faults.get(len(self.sent))
        if fault != "swallowed":
            if method == "PUT" and body["metadata"]["resourceVersion"] != str(self.version):
                raise ConflictedError("409", user_action="Read it.")
            self.hold(body["spec"]["holderIdentity"])
        if fault is not None:
            await asyncio.sleep(CALL_SECONDS)
            raise UnavailableError("no answer", user_action="Try again.")
        return self.lease

    def hold(self, holder):
        self.version += 1
        metadata = {"name": "operator", "resourceVersion": str(self.version)}
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 9}
        self.lease = {"metadata": metadata, "spec": spec}

    @property
    def holder(self):
        return self.lease["spec"]["holderIdentity"]


class Candidate:
    """An elector that runs in the background, and its fence."""

    def __init__(self, api):
        clock = LoopClock()
        self.fence = Fence(clock)
        self.elector = Elector(api, self.fence, Heartbeat(clock), clock, CANDIDACY)
        self.running = asyncio.create_task(self.elector.run())

    async def open_for(self, seconds):
        """Return whether the fence was open at each tenth of a second that passed."""
        await self.elector.leading.wait()
        seen = []
        for _ in range(round(seconds * 10)):
            seen.append(self.fence.is_open)
            await asyncio.sleep(0.1)
        return all(seen) and not self.running.done()

    async def end(self):
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running


@pytest.mark.parametrize("fault", ["lost", "swallowed"])
@pytest.mark.parametrize("number", ["w2", "w3", "w4"])
def test_one_renewal_without_an_answer_does_not_cost_the_lease(number, fault):
    async def main():
        return await Candidate(LeaseApi(**{number: fault})).open_for(20)

    assert run_hurrying(main())


def test_a_renewal_is_due_two_seconds_after_the_one_before_began():
    async def main():
        api = LeaseApi(w3="swallowed")
        await Candidate(api).open_for(7)
        return [round(moment, 1) for moment in api.sent]

    assert run_hurrying(main()) == [0.0, 2.0, 4.0, 6.0]


def test_to_see_that_the_lease_is_held_yet_does_not_open_the_fence_any_longer():
    async def main():
        swallowed = {f"w{number}": "swallowed" for number in range(4, 9)}
        candidate = Candidate(LeaseApi(w2="lost", **swallowed))
        # It was answered at 0 s; at 4 s a conflict shows the renewal of 2 s.
        open_at_first = await candidate.open_for(5.9)
        await asyncio.sleep(0.2)
        return open_at_first, candidate.fence.is_open

    assert run_hurrying(main()) == (True, False)


def test_a_renewal_after_a_conflict_opens_the_fence_for_six_seconds_from_its_own_sending():
    async def main():
        api = LeaseApi(w2="lost")
        candidate = Candidate(api)
        await candidate.open_for(5)
        await candidate.end()
        return candidate.fence._open_until_ns / 1e9 - api.sent[-1]

    assert run_hurrying(main()) == pytest.approx(6.0)


def test_a_lease_that_another_took_is_lost_and_not_taken_back():
    async def main():
        api = LeaseApi()
        candidate = Candidate(api)
        await candidate.elector.leading.wait()
        api.hold("another")
        with pytest.raises(LeaseLostError, match="another holds it now"):
            await candidate.running
        return api.holder, candidate.fence.is_open

    assert run_hurrying(main()) == ("another", False)


def test_a_lease_is_given_back_although_a_renewal_had_no_answer():
    async def main():
        api = LeaseApi(w2="lost")
        candidate = Candidate(api)
        await candidate.elector.leading.wait()
        await asyncio.sleep(3.0)
        await candidate.end()
        await candidate.elector.release()
        return api.holder

    assert run_hurrying(main()) == ""


def test_a_lease_that_another_took_is_not_given_back():
    async def main():
        api = LeaseApi()
        candidate = Candidate(api)
        await candidate.elector.leading.wait()
        await candidate.end()
        api.hold("another")
        await candidate.elector.release()
        return api.holder

    assert run_hurrying(main()) == "another"
