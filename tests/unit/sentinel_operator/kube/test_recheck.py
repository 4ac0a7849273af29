"""What no watch told of is found by lists, and lists that fail are asked for again."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.errors import RefusedError, ThrottledError, UnavailableError
from sentinel_operator.kube.kinds import MODEL
from sentinel_operator.kube.recheck import FAILED_SECONDS, wait_until_filled
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
