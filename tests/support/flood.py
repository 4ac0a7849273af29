"""Load that keeps a server's processor busy, from wrk: round after round until it is stopped."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.bench.load_tools import post_repeatedly

ROUND_SECONDS = 5
"""For one run of wrk. The next one opens connections of its own, which reach pods that are new."""
TIMEOUT_SECONDS = 30


class Flood(threading.Thread):
    """Requests over HTTP as quickly as they are answered.

    Attributes
    ----------
    rounds : what wrk counted in each round
    faults : what went wrong, each with its time: requests without a good answer, or a round that could
        not be run at all, which is the last one
    """

    def __init__(self, url: str, body: bytes, connections: int) -> None:
        super().__init__(name="flood", daemon=True)
        self._request = (url, body, connections, ROUND_SECONDS, TIMEOUT_SECONDS)
        self._over = threading.Event()
        self.rounds: list[dict[str, Any]] = []
        self.faults: list[str] = []

    @property
    def per_second(self) -> list[float]:
        """Requests in a second, of each round."""
        return [one["per_second"] for one in self.rounds]

    def run(self) -> None:
        """Send until stopped."""
        while not self._over.is_set():
            try:
                done = post_repeatedly(*self._request)
            except subprocess.CalledProcessError as error:
                self._note(f"{error} {error.stdout} {error.stderr}")
                return
            except Exception as error:  # noqa: BLE001 - told to the test
                self._note(repr(error))
                return
            self.rounds.append(done)
            if done["errors"]:
                self._note(f"errors: {done['errors']}")

    def _note(self, fault: str) -> None:
        self.faults.append(f"{datetime.now(UTC):%H:%M:%S} {fault}")

    def stop(self) -> None:
        """Let the round that runs be the last."""
        self._over.set()
        self.join()


@contextmanager
def flooding(url: str, body: bytes, connections: int) -> Iterator[Flood]:
    """Have a server flooded for as long as this is open."""
    flood = Flood(url, body, connections)
    flood.start()
    try:
        yield flood
    finally:
        flood.stop()
