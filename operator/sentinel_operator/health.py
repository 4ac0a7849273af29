"""Whether the process is worth keeping, whether it is of use, and what it counts."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sentinel_core.resources.status import Phase
from sentinel_operator.factory import Operator
from sentinel_operator.kube.kinds import RESOURCES

DEAF_SECONDS = 60.0
"""For which nothing may come over the watches: they were opened anew at 20 and 40 s, to no avail."""
STUCK_SECONDS = 300.0
"""For one round, which takes milliseconds. It makes some twenty calls, each of which ends after twelve
seconds: so 240 s can be the fault of an API server that is slow, which a new process would not mend."""
PHASES = get_args(Phase)
"""Anything else is counted as Unknown, so that the label stays bounded."""


def why_unhealthy(operator: Operator) -> str | None:
    """Return why a new process would do better; None where it would not.

    An API server that is away is no reason: a new process would not reach it either.
    """
    if operator.heartbeat.deaf_seconds > DEAF_SECONDS:
        return f"no watch has told of anything for {operator.heartbeat.deaf_seconds:.0f} s"
    if operator.queue.longest_round_seconds > STUCK_SECONDS:
        return f"a round has lasted {operator.queue.longest_round_seconds:.0f} s"
    return None


def why_unready(operator: Operator) -> str | None:
    """Return why this replica is of no use yet; None where it works or stands by."""
    if not operator.filled.is_set():
        return "the watches have not listed everything yet"
    if not operator.fence.is_open and not operator.elector.others_hold:
        return "nobody holds the Lease"
    return why_unhealthy(operator)


def count_resources(operator: Operator) -> None:
    """Bring the gauges up to date that nobody sets as things happen."""
    counts = Counter[tuple[str, str]]()
    for kind in RESOURCES:
        for entry in operator.cache.all_of(kind.name).values():
            phase = (entry.thing.get("status") or {}).get("phase", "Pending")
            counts[kind.name, phase if phase in PHASES else "Unknown"] += 1
    operator.metrics.resources.clear()
    for labels, number in counts.items():
        operator.metrics.resources.labels(*labels).set(number)
    operator.metrics.queue_depth.set(operator.queue.depth)
    operator.metrics.queue_oldest_seconds.set(operator.queue.oldest_seconds)
    operator.metrics.leading.set(operator.fence.is_open)


async def serve_health(operator: Operator) -> list[web.AppRunner]:
    """Serve /healthz and /readyz on one port and /metrics on another; return what ends that."""

    async def healthz(_: web.Request) -> web.Response:
        return _verdict(why_unhealthy(operator))

    async def readyz(_: web.Request) -> web.Response:
        return _verdict(why_unready(operator))

    async def metrics(_: web.Request) -> web.Response:
        count_resources(operator)
        page = generate_latest(operator.metrics.registry)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    settings = operator.settings
    health = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
    return [
        await _serve(settings.listen_host, settings.health_port, health),
        await _serve(settings.listen_host, settings.metrics_port, [web.get("/metrics", metrics)]),
    ]


def _verdict(why_not: str | None) -> web.Response:
    if why_not is None:
        return web.Response(text="ok\n")
    return web.Response(text=f"{why_not}\n", status=503)


async def _serve(host: str, port: int, routes: list[web.RouteDef]) -> web.AppRunner:
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
