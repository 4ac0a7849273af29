"""Ports for servers of tests, which no other test and no outgoing connection takes meanwhile.

A server binds its port seconds after it was chosen. One that the kernel names (port 0) comes from the
range of outgoing connections, and by then may be the near end of somebody's; so may one that the other
worker chose.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator

PORTS = range(20_000, 30_000)
"""Below the ports that the kernel gives to outgoing connections (32768 on) and to NodePorts."""
WORKERS = 16
"""Of pytest-xdist; each draws from its own share of the ports."""


def free_port() -> int:
    """Return a port of this machine that nothing listens at; this process never names it again."""
    for port in _DRAWN:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    message = f"This worker has used all of its ports from {PORTS.start} to {PORTS.stop - 1}."
    raise RuntimeError(message)


def _draw() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    own = PORTS[int(worker.removeprefix("gw")) % WORKERS :: WORKERS] if worker else PORTS
    # Not the seeded generator: test runs beside each other would draw the same ports.
    yield from random.SystemRandom().sample(own, len(own))


_DRAWN = _draw()
