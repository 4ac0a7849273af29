"""What happens from time to time although nothing changed."""

from __future__ import annotations

import asyncio
import logging

from sentinel_operator.factory import Operator
from sentinel_operator.kube.errors import KubeError
from sentinel_operator.kube.kinds import WATCHED
from sentinel_operator.kube.recheck import find_apis, recheck

logger = logging.getLogger(__name__)


async def resync(operator: Operator) -> None:
    """Have every resource looked at when the Lease is held, then every ``resync_seconds``; never return.

    A standby adds nothing to its queue, so what it heard of until then is all here; what it hears
    from then on asks for rounds by itself.
    """
    await operator.elector.leading.wait()
    while True:
        for key in operator.cache.resources():
            operator.queue.add(key)
        await asyncio.sleep(operator.settings.resync_seconds)


async def recheck_watches(operator: Operator) -> None:
    """Look for what the watches missed every ``recheck_seconds``.

    Returns
    -------
    None
        When the cluster has got or lost an optional API: what is watched is settled at start, so
        the process has to begin anew.
    """
    optional = tuple(kind for kind in WATCHED if kind.optional)
    while True:
        await asyncio.sleep(operator.settings.recheck_seconds)
        try:
            found = await find_apis(operator.client, optional)
            for kind in optional:
                if (kind.api in found) != (kind.api in operator.apis):
                    logger.warning("the cluster's API %s came or went; beginning anew", kind.api)
                    return
            await recheck(
                operator.client, operator.cache, operator.kinds, operator.namespaces,
                operator.metrics,
            )  # fmt: skip
        except KubeError as error:
            logger.warning("the watches could not be checked: %s", error)
