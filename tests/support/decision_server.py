"""A decision Bento that is really built and really served, on free ports of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sentinel_bentos.build import Bento
from sentinel_bentos.process import Addresses, ServeProcess
from tests.support.ports import free_port

PATIENCE_SECONDS = 120
"""Only a server that hangs reaches this; nothing is asserted about how long things take."""


@dataclass(slots=True)
class RunningServer:
    process: ServeProcess
    addresses: Addresses
    grpc_port: int
    state: Path
    client: httpx.Client

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(f"/api/v1{path}", json=body)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"/api/v1{path}")

    def admin(self, path: str) -> httpx.Response:
        # There is no TLS here, and reading the certificates would take longer than the request.
        return httpx.get(f"{self.addresses.admin_url}{path}", verify=False)

    def served(self) -> dict[str, Any]:
        served: dict[str, Any] = self.admin("/served").json()
        return served

    def metric(self, name: str) -> float:
        """Return a metric's sum over its labels."""
        lines = self.admin("/metrics").text.splitlines()
        values = [line.rsplit(" ", 1) for line in lines if line.startswith(name)]
        return sum(float(value) for series, value in values if series.split("{")[0] == name)


def wait_until(check: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.1)


@contextmanager
def serve(
    bento: Bento, home: Path, state: Path, *, releases: Path | None = None, **settings: str
) -> Iterator[RunningServer]:
    """Serve a Bento; it answers at the end of this, but need not be ready."""
    state.mkdir(parents=True, exist_ok=True)
    addresses, grpc_port = Addresses("127.0.0.1", free_port(), free_port()), free_port()
    variables = {
        "SENTINEL_RELEASE_DIR": str(releases or state / "releases"),
        "SENTINEL_STATE_DIR": str(state),
        "SENTINEL_HTTP_PORT": str(addresses.port),
        "SENTINEL_GRPC_PORT": str(grpc_port),
        # Nothing here may depend on how fast this machine writes.
        "SENTINEL_BUDGET_MS": "60000",
        "SENTINEL_BATCH_BUDGET_MS": "600000",
        "SENTINEL_FEEDBACK_BUDGET_MS": "60000",
    }
    log = state / "serve.log"
    process = ServeProcess(bento, home, addresses, variables | settings, log)
    with httpx.Client(base_url=addresses.url, timeout=PATIENCE_SECONDS) as client:
        server = RunningServer(process, addresses, grpc_port, state, client)
        try:
            wait_until(lambda: _answers(server), f"an answer, see {log}")
            yield server
        finally:
            process.stop()


def wait_until_ready(server: RunningServer) -> None:
    wait_until(lambda: server.get("/ready").status_code == httpx.codes.OK, "ready")


def _answers(server: RunningServer) -> bool:
    assert server.process.exit_code is None, server.process.last_lines()
    try:
        return server.admin("/served").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def wire_payment(event_id: str, *, card: str = "c1", **changes: Any) -> dict[str, Any]:
    """Return a payment as a client sends it."""
    return {
        "id": event_id,
        "type": "Transaction",
        "occurred_at": "2024-05-01T12:00:00Z",
        "entities": {"card": card, "terminal": "t1"},
        "payload": {"amount": 10.5, "currency": "EUR"},
    } | changes
