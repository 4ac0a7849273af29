"""Following the folders that say what is to be served: releases or artifacts, and their stores.

A change is one rename of the link ``..data`` (see `sentinel_core.release.projection`), so reading the
link is enough. It is read four times a second rather than waited for with inotify: that costs a few
microseconds, works on every file system and cannot run out of watches.

The stores are among the folders since what could not be fetched may be, once its store has another
address or other credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

from sentinel_bentos.environment import ServerSettings

POLL_SECONDS = 0.25
"""A change is seen this late at most, once the one before is taken up or refused, which waits for one
attempt at one artifact and no more. The operator allows 7 s until it asks again."""
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 30.0
"""Between attempts at what may succeed without a change of the folders; each waits twice as long as
the one before. Every server of a resource asks the same store, so the last wait is the one to spare."""
DATA_LINK = "..data"

Mounted = tuple[tuple[str, str | None], ...]
"""Folders, and for each a name of what it holds, which changes with it; None for nothing yet."""


async def follow(settings: ServerSettings, take_up: Callable[[], Awaitable[bool]]) -> NoReturn:
    """Take up what the folders hold now and after every change of theirs, until cancelled.

    Parameters
    ----------
    take_up : callable
        Says whether the same may succeed without a change. It is then called again after a pause.
    """
    retry_seconds = FIRST_RETRY_SECONDS
    while True:
        seen = mounted_state(settings)
        retries = await take_up()
        try:
            change = _wait_for_change(settings, seen)
            await asyncio.wait_for(change, retry_seconds if retries else None)
        except TimeoutError:
            retry_seconds = min(2 * retry_seconds, LAST_RETRY_SECONDS)
        else:
            retry_seconds = FIRST_RETRY_SECONDS


def mounted_state(settings: ServerSettings) -> Mounted:
    """Return a name of what the mounted folders hold now."""
    folders = [settings.release_dir]
    if settings.stores_dir is not None and settings.stores_dir.is_dir():
        folders += sorted(settings.stores_dir.iterdir())
    return tuple((str(folder), _projected_state(folder)) for folder in folders)


def _projected_state(folder: Path) -> str | None:
    try:
        return str((folder / DATA_LINK).readlink())
    except OSError:  # not there yet, or not a link: nothing that could be read
        return None


async def _wait_for_change(settings: ServerSettings, seen: Mounted) -> None:
    # No event could be waited for: another process writes the folders.
    while mounted_state(settings) == seen:  # noqa: ASYNC110 - as said above
        await asyncio.sleep(POLL_SECONDS)
