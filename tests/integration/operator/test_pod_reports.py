"""Asking pods that answer, that answer nonsense, and that do not answer."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from sentinel_core.clock import SystemClock
from sentinel_operator.kube import served
from sentinel_operator.kube.kinds import ResourceKey
from sentinel_operator.kube.served import MAX_BYTES, Asked, PodReports
from sentinel_operator.metrics import OperatorMetrics
from tests.support.ports import free_port

KEY = ResourceKey("SentinelModel", "n", "a")


@asynccontextmanager
async def pod_that(answers, address):
    """Serve as one pod does, at the port that the operator asks."""
    application = web.Application()
    application.router.add_get("/served", answers)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, address, served.PORT).start()
    try:
        yield Asked(address, address, address)
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _port(monkeypatch):
    # Another server of this machine may have the pods' port.
    monkeypatch.setattr(served, "PORT", free_port())


def say(text, status=200):
    async def answer(_):
        return web.Response(body=text, status=status)

    return answer


async def hang(_):
    await asyncio.sleep(60)


async def drip(request):
    """Answer bytes without an end, slowly."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.05)


ANSWERS = {
    "a report": (say(b'{"stable": "x"}'), {"stable": "x"}),
    "not a number": (say(b'{"percent": NaN}'), None),
    "letters that are none": (say(b'{"stable": "\xff"}'), None),
    "lists in lists": (say(b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), None),
    "a page": (say(b"<html>"), None),
    "an error": (say(b"{}", 503), None),
    "the longest report": (say(b'{"a": 1}'.ljust(MAX_BYTES)), {"a": 1}),
    "a longer one": (say(b'{"a": 1}'.ljust(MAX_BYTES + 1)), None),
    "a redirect": (say(b"{}", 302), None),
    "nothing": (hang, None),
    "bytes without an end": (drip, None),
}


@asynccontextmanager
async def asking(changed=lambda _: None):
    metrics = OperatorMetrics(CollectorRegistry())
    reports = PodReports(SystemClock(), metrics, 60, changed)
    running = asyncio.create_task(reports.run())
    try:
        async with asyncio.timeout(20):
            yield reports
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def ask(pods):
    async with asking() as reports:
        return await reports.answers(KEY, pods)


@pytest.mark.parametrize(("answers", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_counts_as_what_it_is(answers, expected):
    async def main():
        async with pod_that(answers, "127.9.9.1") as pod:
            return await ask((pod,))

    assert asyncio.run(main()) == [("127.9.9.1", expected)]


def test_nobody_at_the_address_is_no_answer():
    assert asyncio.run(ask((Asked("p", "127.9.9.9", "1"),))) == [("p", None)]


def test_a_pod_that_hangs_keeps_no_other_from_answering():
    async def main():
        async with AsyncExitStack() as pods:
            slow = await pods.enter_async_context(pod_that(hang, "127.9.9.1"))
            fast = await pods.enter_async_context(pod_that(say(b'{"a": 1}'), "127.9.9.2"))
            return await ask((slow, fast))

    assert asyncio.run(main()) == [("127.9.9.1", None), ("127.9.9.2", {"a": 1})]


def test_a_fault_over_one_answer_is_logged_and_the_questions_go_on(monkeypatch, caplog):
    def read(text):
        return {"a": 1} if text == b"good" else 1 / 0

    monkeypatch.setattr(served, "parse_report", read)

    async def main():
        async with AsyncExitStack() as pods, asking() as reports:
            bad = await pods.enter_async_context(pod_that(say(b"bad"), "127.9.9.1"))
            good = await pods.enter_async_context(pod_that(say(b"good"), "127.9.9.2"))
            await reports.answers(KEY, (bad,))
            return await reports.answers(KEY, (bad, good))

    assert asyncio.run(main()) == [("127.9.9.1", None), ("127.9.9.2", {"a": 1})]
    assert "ZeroDivisionError" in caplog.text


def answer_in_turn(*texts):
    """Answer one text after the other, and the last one for ever."""
    left = list(texts)

    async def answer(_):
        return web.Response(body=left.pop(0) if len(left) > 1 else left[0])

    return answer


def test_a_changed_answer_asks_for_a_round():
    async def main():
        told = asyncio.Queue()
        answers = answer_in_turn(b'{"a": 1}', b'{"a": 2}')
        async with pod_that(answers, "127.9.9.1") as pod, asking(told.put_nowait) as reports:
            first = await reports.answers(KEY, (pod,))
            reports.expect(KEY, (pod,), soon=True)
            key = await told.get()
            return first, key, await reports.answers(KEY, (pod,))

    assert asyncio.run(main()) == ([("127.9.9.1", {"a": 1})], KEY, [("127.9.9.1", {"a": 2})])


def test_the_first_answer_asks_for_no_round_beside_the_one_that_waits_for_it():
    told = []

    async def main():
        async with pod_that(say(b"{}"), "127.9.9.1") as pod, asking(told.append) as reports:
            await reports.answers(KEY, (pod,))
            reports.expect(KEY, (pod,), soon=True)
            await asyncio.sleep(2 * served.SOON_SECONDS)

    asyncio.run(main())
    assert told == []


def test_a_pod_is_asked_anew_in_another_life():
    async def main():
        answers = answer_in_turn(b'{"a": 1}', b'{"a": 2}')
        async with pod_that(answers, "127.9.9.1") as pod, asking() as reports:
            await reports.answers(KEY, (pod,))
            return await reports.answers(KEY, (Asked(pod.name, pod.address, "began anew"),))

    assert asyncio.run(main()) == [("127.9.9.1", {"a": 2})]


def test_nobody_is_asked_for_a_resource_that_is_gone():
    async def main():
        asked = []

        async def answer(_):
            asked.append(1)
            return web.Response(body=b"{}")

        async with pod_that(answer, "127.9.9.1") as pod, asking() as reports:
            await reports.answers(KEY, (pod,))
            reports.forget(KEY)
            await asyncio.sleep(2 * served.SOON_SECONDS)
            return asked

    assert asyncio.run(main()) == [1]
