"""Noticing that what a decision server is given has changed: its releases, or the stores they name.

The stores are among them since a release that could not be fetched may be, once its store has another
address or other credentials.
"""

from __future__ import annotations

import asyncio

from sentinel_bentos.decision.settings import Settings
from sentinel_bentos.watch import POLL_SECONDS, projected_state

Mounted = tuple[tuple[str, str | None], ...]
"""Folders, and for each a name of what it holds, which changes with it."""


def mounted_state(settings: Settings) -> Mounted:
    """Return a name of what the mounted folders hold now."""
    folders = [settings.release_dir]
    if settings.stores_dir is not None and settings.stores_dir.is_dir():
        folders += sorted(settings.stores_dir.iterdir())
    return tuple((str(folder), projected_state(folder)) for folder in folders)


async def wait_for_change(settings: Settings, seen: Mounted) -> None:
    """Wait until the folders hold something else than ``seen``."""
    # No event could be waited for: another process writes the folders.
    while mounted_state(settings) == seen:  # noqa: ASYNC110 - as said above
        await asyncio.sleep(POLL_SECONDS)
