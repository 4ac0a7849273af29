"""What runs beside a server is begun again where it fails, and has ended when the server goes."""

from __future__ import annotations

import asyncio
import logging
from itertools import count

from sentinel_bentos.followers import Followers
from tests.support.application import become


def run(test):
    asyncio.run(asyncio.wait_for(test, 60))


class Followed:
    """Work that fails as often as it is told, and notes what becomes of it."""

    def __init__(self, failures=0):
        self.begun, self.ended = 0, False
        self._failures = failures

    async def __call__(self):
        self.begun += 1
        if self.begun <= self._failures:
            raise OSError("the folder is gone")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True


def test_what_fails_is_logged_and_begun_again(caplog):
    async def test():
        followers, work = Followers(restart_seconds=0), Followed(failures=3)
        followers.start(work)
        await become(lambda: work.begun == 4)
        await followers.stop()

    with caplog.at_level(logging.ERROR, "sentinel.followers"):
        run(test())
    assert [type(record.exc_info[1]) for record in caplog.records] == [OSError] * 3


def test_all_have_ended_after_the_stop_also_where_one_has_failed():
    async def test():
        followers = Followers()
        others = [Followed(), Followed(failures=1), Followed()]
        followers.start(*others)
        await become(lambda: all(one.begun for one in others))
        await followers.stop()
        assert [one.ended for one in others] == [True, False, True]

    run(test())


def test_what_comes_to_its_end_is_not_begun_again():
    async def test():
        followers, begun = Followers(restart_seconds=0), count()

        async def work():
            next(begun)

        followers.start(work)
        await asyncio.gather(*followers._tasks)
        await followers.stop()
        assert next(begun) == 1

    run(test())
