"""The operator's process: ``python -m sentinel_operator.main``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, NoReturn

import kopf
from pydantic import ValidationError

from sentinel_core.clock import SystemClock
from sentinel_core.errors import SentinelError
from sentinel_operator.config import Settings
from sentinel_operator.factory import Operator, build_operator
from sentinel_operator.handlers.objects import register
from sentinel_operator.health import serve_health
from sentinel_operator.kube.heartbeat import follow_lease, guard_watches
from sentinel_operator.kube.kinds import MODEL, PIPELINE
from sentinel_operator.kube.recheck import wait_until_filled
from sentinel_operator.logs import configure_logs
from sentinel_operator.reconcile import Decide
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.model import reconcile_model
from sentinel_operator.services.pipeline import reconcile_pipeline
from sentinel_operator.startup import configure_kopf, find_cluster, wait_for_apis
from sentinel_operator.upkeep import recheck_watches, resync

DRAIN_SECONDS = 3.0
"""For rounds under way when the process is asked to end; the pod has ten seconds in all."""
CANCEL_SECONDS = 2.0
"""For tasks that were told to end. What then still runs ends with the process."""

logger = logging.getLogger(__name__)


def decisions(settings: Settings) -> Mapping[str, Decide]:
    """Return what decides about each kind of resource."""
    defaults = Defaults(
        settings.bento_image,
        settings.image_pull_policy,
        settings.namespace,
        settings.monitor_labels,
    )
    return {
        MODEL.name: lambda observed: reconcile_model(observed, defaults),
        PIPELINE.name: lambda observed: reconcile_pipeline(observed, defaults),
    }


async def run(settings: Settings) -> int:
    """Run the operator until a signal, or until something fails; return the exit code."""
    operator = build_operator(settings, find_cluster(SystemClock()), decisions(settings))
    _take_signals(operator)
    pages = await serve_health(operator)
    # Once for all who wait for it: what is waited for must be what is watched.
    apis = asyncio.create_task(wait_for_apis(operator))
    parts = {name: asyncio.create_task(part) for name, part in _parts(operator, apis).items()}
    stopping = asyncio.create_task(operator.stop.wait())
    await asyncio.wait([*parts.values(), stopping], return_when=asyncio.FIRST_COMPLETED)
    ended = {name: part for name, part in parts.items() if part.done()}
    code = _report(ended)
    await _give_back(operator, parts)
    await _cancel([*parts.values(), stopping])
    await asyncio.gather(*(page.cleanup() for page in pages))
    await operator.connections.close()
    return code


def _parts(operator: Operator, apis: asyncio.Task[None]) -> dict[str, Coroutine[Any, Any, None]]:
    settings = operator.settings
    return {
        "rounds": _work(operator, apis),
        "Lease": operator.elector.run(),
        "watch of the Lease": follow_lease(
            operator.connections,
            operator.heartbeat,
            namespace=settings.namespace,
            name=settings.lease_name,
            moved=operator.elector.wake.set,
        ),
        "guard": guard_watches(operator.connections, operator.heartbeat),
        "watches": _watch(operator, apis),
        "pod reports": operator.reports.run(),
        "resync": resync(operator),
        "recheck": recheck_watches(operator),
    }


async def _watch(operator: Operator, apis: asyncio.Task[None]) -> None:
    """Have kopf watch, and return or raise when it ends."""
    await apis
    registry = kopf.OperatorRegistry()
    register(registry, operator)
    namespaces = operator.settings.watch_namespaces
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=configure_kopf(operator),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )
    # kopf has just taken the signals to itself, and would end before the Lease is given back.
    _take_signals(operator)
    await kopf.run_tasks(tasks, ignored=others)


async def _work(operator: Operator, apis: asyncio.Task[None]) -> None:
    """Run rounds as soon as the caches are full and the Lease is held."""
    await apis
    await wait_until_filled(operator.client, operator.cache, operator.kinds, operator.namespaces)
    operator.filled.set()
    await operator.elector.leading.wait()
    await operator.queue.work(operator.reconciler.run, operator.settings.workers)


def _take_signals(operator: Operator) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, operator.stop.set)


async def _give_back(operator: Operator, parts: Mapping[str, asyncio.Task[None]]) -> None:
    """Let rounds under way end, then give the Lease back, so that a standby goes on at once."""
    operator.queue.drain()
    if operator.elector.leading.is_set():
        await asyncio.wait([parts["rounds"]], timeout=DRAIN_SECONDS)
    await _cancel([parts["Lease"]])
    await operator.elector.release()


def _report(ended: Mapping[str, asyncio.Task[None]]) -> int:
    """Say what ended by itself, and return the exit code."""
    for name, part in ended.items():
        error = part.exception()
        if isinstance(error, SentinelError):
            logger.error("%s: %s", name, error)
        else:
            logger.error("%s ended", name, exc_info=error)
    return 1 if ended else 0


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CANCEL_SECONDS)


def main() -> NoReturn:
    """Run the operator and end the process.

    It exits with 0 after a signal, with 1 after a failure or the loss of the Lease, and with 2 where a
    setting is wrong.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    configure_logs(settings)
    code = 1
    try:
        code = asyncio.Runner().run(run(settings))
    except SentinelError as error:
        logger.error("%s", error)  # noqa: TRY400 - what it says is for people; a trace adds nothing
    logging.shutdown()
    # Not by way of the interpreter's end: it waits for what is left of tasks and threads, and whoever
    # lost the Lease must be gone.
    os._exit(code)


if __name__ == "__main__":
    main()
