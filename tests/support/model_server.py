"""A model Bento that is really built and really served, on free ports of this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sentinel_bentos.build import Bento
from sentinel_bentos.process import Addresses, ServeProcess
from tests.support.decision_server import PATIENCE_SECONDS, wait_until
from tests.support.kubelet import KubeletVolume
from tests.support.ports import free_port

NAME = "card-fraud"


def assigned(
    folder: Path, digest: str, *, public_key: str | None = None, store: str | None = None
) -> dict[str, Any]:
    """Return what artifacts.json says of one artifact."""
    return {"uri": folder.as_uri(), "digest": digest, "publicKey": public_key, "store": store}


@dataclass(slots=True)
class RunningModelServer:
    process: ServeProcess
    addresses: Addresses
    grpc_port: int
    volume: KubeletVolume
    client: httpx.Client

    @property
    def pid(self) -> int:
        return self.process._process.pid

    def assign(self, default: dict[str, Any], *others: dict[str, Any]) -> None:
        assign(self.volume, default, *others)

    def infer(
        self, rows: list[list[float | None]], version: str = "", **more: Any
    ) -> httpx.Response:
        path = f"/v2/models/{NAME}{f'/versions/{version}' if version else ''}/infer"
        return self.client.post(path, json=infer_body(rows) | more)

    def send_noise(self, port: int, noise: bytes) -> None:
        """Send bytes to a port and go away, whatever the server thinks of them."""
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(noise)

    def admin(self, path: str) -> httpx.Response:
        # There is no TLS here, and reading the certificates would take longer than the request.
        return httpx.get(f"{self.addresses.admin_url}{path}", verify=False)

    def served(self) -> dict[str, Any]:
        served: dict[str, Any] = self.admin("/served").json()
        return served

    def metric(self, name: str, *labels: str) -> float:
        """Return a metric's sum over the series that have all of these labels."""
        lines = self.admin("/metrics").text.splitlines()
        series = [line.rsplit(" ", 1) for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(value) for head, value in series if all(one in head for one in labels))


def assign(volume: KubeletVolume, default: dict[str, Any], *others: dict[str, Any]) -> None:
    """Say what is to be served, as the operator's ConfigMap does."""
    assignment = {"default": default, "others": others}
    volume.write({"artifacts.json": json.dumps(assignment).encode()})


def infer_body(rows: list[list[float | None]]) -> dict[str, Any]:
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": "input", "shape": shape, "datatype": "FP32", "data": rows}]}


@contextmanager
def serve_model(
    bento: Bento, home: Path, folder: Path, *artifacts: dict[str, Any], **settings: str
) -> Iterator[RunningModelServer]:
    """Serve a model Bento; it answers at the end of this, but need not be ready.

    The first of the artifacts is the default one; without any there is nothing to serve yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    volume = KubeletVolume(folder / "release")
    if artifacts:
        assign(volume, *artifacts)
    addresses, grpc_port = Addresses("127.0.0.1", free_port(), free_port()), free_port()
    variables = {
        "SENTINEL_RELEASE_DIR": str(folder / "release"),
        "SENTINEL_STATE_DIR": str(folder / "state"),
        "SENTINEL_MODEL_NAME": NAME,
        "SENTINEL_HTTP_PORT": str(addresses.port),
        "SENTINEL_GRPC_PORT": str(grpc_port),
    }
    log = folder / "serve.log"
    process = ServeProcess(bento, home, addresses, variables | settings, log)
    with httpx.Client(base_url=addresses.url, timeout=PATIENCE_SECONDS, verify=False) as client:
        server = RunningModelServer(process, addresses, grpc_port, volume, client)
        try:
            wait_until(lambda: _answers(server), f"an answer, see {log}")
            yield server
        finally:
            process.stop()


def wait_until_served(server: RunningModelServer, digest: str) -> None:
    wait_until(lambda: server.served()["stable"] == digest, f"serving {digest}")
    wait_until(lambda: server.admin("/readyz").status_code == httpx.codes.OK, "ready")


def _answers(server: RunningModelServer) -> bool:
    assert server.process.exit_code is None, server.process.last_lines()
    try:
        return server.admin("/served").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
