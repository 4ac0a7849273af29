"""Noticing that the folder changed that says what is to be served.

A change is one rename of the link ``..data`` (see `sentinel_core.release.projection`), so reading the
link is enough. It is read four times a second rather than waited for with inotify: that costs a few
microseconds, works on every file system and cannot run out of watches.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

POLL_SECONDS = 0.25
"""A change is seen this late at most; the operator allows 7 s until it asks again."""

DATA_LINK = "..data"


def projected_state(directory: Path) -> str | None:
    """Return a name of what the folder holds now, which changes with it; None for nothing yet."""
    try:
        return str((directory / DATA_LINK).readlink())
    except OSError:  # not there yet, or not a link: nothing that could be read
        return None


async def wait_for_change(directory: Path, seen: str | None) -> str | None:
    """Wait until the folder holds something else than ``seen``, and return its name."""
    # No event could be waited for: another process writes the folder.
    while (state := projected_state(directory)) == seen:  # noqa: ASYNC110 - as said above
        await asyncio.sleep(POLL_SECONDS)
    return state
