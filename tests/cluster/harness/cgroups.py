"""Control groups of the nodes: where their pods live, and by which all of them are found again.

Under cgroup v1, which Kubernetes up to 1.34 still runs on, each resource has a hierarchy of its own.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.setup.errors import HarnessError

GROUP = "sentinel"
GONE_SECONDS = 10
_V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids")


def hierarchies() -> list[Path]:
    """Return where control groups are mounted: one folder under version 2, several under 1."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(place) for _, place, kind, *_ in mounts if kind in {"cgroup", "cgroup2"}]


def create_groups(node: str) -> str:
    """Make a node's group in every hierarchy and return its name, as the kubelet wants it."""
    for hierarchy in hierarchies():
        for group in (hierarchy / GROUP, hierarchy / GROUP / node):
            group.mkdir(exist_ok=True)
            _inherit(group)
    return f"/{GROUP}/{node}"


def _inherit(group: Path) -> None:
    """Let a new group use what its parent uses, which neither version does by itself."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / "tasks").exists() and (group / name).exists():
            (group / name).write_text((group.parent / name).read_text())
    offered = group.parent / "cgroup.controllers"
    if offered.exists():
        wanted = [name for name in _V2_CONTROLLERS if name in offered.read_text().split()]
        for name in wanted:
            (group.parent / "cgroup.subtree_control").write_text(f"+{name}")


def remove_groups() -> None:
    """Kill whatever runs in the nodes' groups, and remove the groups.

    Raises
    ------
    HarnessError
        Something does not end even when killed.
    """
    until = time.monotonic() + GONE_SECONDS
    while groups := list(_groups()):
        for group in groups:
            _kill(group)
            # Busy as long as something in it has not quite ended.
            with suppress(OSError):
                group.rmdir()
        if time.monotonic() > until:
            raise HarnessError(
                f"Processes in {groups[0]} do not end.",
                user_action=f"See what they wait for: cat {groups[0]}/cgroup.procs",
            )
        time.sleep(0.02)


def _groups() -> Iterator[Path]:
    """Yield all groups of the nodes, the inner ones first."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / GROUP, topdown=False):
            yield Path(folder)


def _kill(group: Path) -> None:
    with suppress(OSError):
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
