"""What no watch told of is found by lists, and lists that fail are asked for again."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.errors import RefusedError, ThrottledError, UnavailableError
from sentinel_operator.kube.kinds import MODEL, ObjectKey
from sentinel_operator.kube.recheck import FAILED_SECONDS, GRACE_SECONDS, recheck, wait_until_filled
from sentinel_operator.metrics import OperatorMetrics
from tests.support.virtual_time import run_hurrying


def model(version, *, name="a", uid="u1"):
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"kind": "SentinelModel", "metadata": metadata}


class Lists:
    """Answers lists in turn, each with objects or an error; the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def get(self, path, parameters, *, accept):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"items": answer, "metadata": {}}

    async def find(self, path):
        """Return the object of the last list."""
        return next(
            (one for one in self.answers[-1] if path.endswith(one["metadata"]["name"])), None
        )


def fill(*answers, cache=None):
    """Return after how many seconds the cache counts as filled."""

    async def main():
        await wait_until_filled(Lists(*answers), cache or Cache(), [MODEL], [None])
        return asyncio.get_running_loop().time()

    return run_hurrying(main())


def test_the_cache_is_filled_once_it_holds_what_a_list_shows():
    cache = Cache()

    async def main():
        lists = Lists([model(3)])
        filling = asyncio.create_task(wait_until_filled(lists, cache, [MODEL], [None]))
        await asyncio.sleep(10)
        was_filled = filling.done()
        cache.put(model(3))
        await filling
        return was_filled

    assert run_hurrying(main()) is False


ERRORS = {
    "no answer": UnavailableError("503", user_action="Wait."),
    "a right that is not there yet": RefusedError("403", words="403", user_action="Grant it."),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_first_list_that_fails_is_asked_for_again(error):
    assert fill(error, error, []) == pytest.approx(2 * FAILED_SECONDS)


def test_a_first_list_waits_for_as_long_as_the_api_server_asks():
    throttled = ThrottledError("429", user_action="Wait.")
    throttled.retry_after_seconds = 7.0
    assert fill(throttled, []) == pytest.approx(7.0)


KEY = ObjectKey("SentinelModel", "n", "a")


def lost(known, first, second, *, told=None):
    """Return how many events count as lost, and the version that is known in the end.

    ``told`` is what a watch tells between the two lists.
    """
    cache, metrics = Cache(), OperatorMetrics(CollectorRegistry())

    async def main():
        for thing in known:
            cache.put(thing)
        checking = asyncio.create_task(
            recheck(Lists(first, second), cache, [MODEL], [None], metrics)
        )
        await asyncio.sleep(GRACE_SECONDS / 2)
        if told is not None:
            told(cache)
        await checking

    run_hurrying(main())
    entry = cache.get(KEY)
    counted = metrics.lost_events.labels("SentinelModel")._value.get()
    return counted, None if entry is None else entry.version


def test_an_object_that_no_watch_told_of_is_taken_in():
    assert lost([], [model(3)], [model(3)]) == (1, 3)


def test_a_change_that_no_watch_told_of_is_taken_in():
    assert lost([model(3)], [model(5)], [model(5)]) == (1, 5)


def test_an_object_that_went_without_a_word_is_forgotten():
    assert lost([model(3)], [], []) == (1, None)


def test_a_change_of_which_the_watch_tells_late_is_not_lost():
    assert lost([model(3)], [model(5)], [model(5)], told=lambda c: c.put(model(5))) == (0, 5)


def test_an_object_that_changes_all_the_time_is_not_lost_while_the_watch_tells_of_it():
    assert lost([model(3)], [model(5)], [model(7)], told=lambda c: c.put(model(5))) == (0, 5)


def test_an_object_that_came_and_went_again_is_not_lost_while_the_watch_tells_of_it():
    again = model(5, uid="u2")
    assert lost([model(3)], [], [], told=lambda c: c.put(again)) == (0, 5)
