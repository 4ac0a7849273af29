"""Reach a pipeline in the cluster from this machine: ``python -m tests.cluster.harness.forward``."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import IO

from sentinel_core.errors import SentinelError
from tests.cluster.harness.cluster import running_cluster
from tests.cluster.harness.kubectl import Kubectl
from tests.setup.errors import HarnessError

HTTP_PORT, GRPC_PORT = 3000, 3001
AGAIN_SECONDS = 1.0
"""Between two attempts: a pod that is replaced is away for some seconds."""
LOOK_SECONDS = 0.2
GREETING = """\
Ask for a decision, in another terminal:
  curl -s localhost:{http_port}/api/v1/score -H "X-API-Key: $(cat .sentinel/api-key)" \\
    -H 'Content-Type: application/json' -d '{{
    "id": "first", "type": "Transaction", "occurred_at": "2026-01-05T08:00:00Z",
    "entities": {{"card": "c-1", "terminal": "t-1"}},
    "payload": {{"amount": 240, "currency": "EUR", "country": "SE", "channel": "chip"}}}}'
Its pages: http://localhost:{http_port}/docs   gRPC: localhost:{grpc_port}
Ctrl-C ends it."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Ports of this machine that lead to the pods of a pipeline.

    kubectl leads to one pod and ends when that goes; then it is started again, for another.
    """

    kubectl: Kubectl
    namespace: str
    pipeline: str
    http_port: int
    grpc_port: int

    @property
    def command(self) -> list[str]:
        """Return what kubectl is started with."""
        return self.kubectl.command(
            *("port-forward", f"--namespace={self.namespace}", "--address=127.0.0.1"),
            f"service/{self.pipeline}-decision",
            *(f"{self.http_port}:{HTTP_PORT}", f"{self.grpc_port}:{GRPC_PORT}"),
        )

    def check(self) -> None:
        """Refuse ports that somebody else has.

        Raises
        ------
        HarnessError
            Retryable once they are free.
        """
        for port in (self.http_port, self.grpc_port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise HarnessError(
                        f"The port {port} of this machine cannot be opened: {error.strerror}.",
                        user_action="Stop what uses it, or give --port and --grpc-port.",
                    ) from error

    def run(self, stopping: threading.Event) -> None:
        """Forward until told to stop, and say whenever the connection comes or goes."""
        greeted, said = False, ""
        while not stopping.is_set():
            with tempfile.TemporaryFile("w+") as words:
                connected = self._once(stopping, words, greet=not greeted)
                greeted = greeted or connected
                words.seek(0)
                last = words.read().strip().rpartition("\n")[2]
            if not stopping.wait(AGAIN_SECONDS) and (connected or last != said):
                print(f"Not connected ({last or 'the connection ended'}); trying again", flush=True)
                said = last

    def _once(self, stopping: threading.Event, words: IO[str], *, greet: bool) -> bool:
        """Run kubectl until it ends or is to stop; return whether it was connected."""
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            # Ctrl-C goes to a whole group at once; kubectl is told to stop by us alone.
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            connected = process.stdout.readline() != ""
            if connected:
                print(f"Connected to {self.pipeline} in {self.namespace}", flush=True)
            if connected and greet:
                print(
                    GREETING.format(http_port=self.http_port, grpc_port=self.grpc_port), flush=True
                )
            # Its further lines, one for each connection, are read so that it never waits for us.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            while process.poll() is None and not stopping.wait(LOOK_SECONDS):
                pass
            return connected
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    """Return 1 when it could not begin; its words say what to do."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.harness.forward", description=__doc__
    )
    parser.add_argument("--pipeline", default="card-payments", help="its name (%(default)s)")
    parser.add_argument("--namespace", default="default", help="where it is (%(default)s)")
    parser.add_argument("--port", type=int, default=HTTP_PORT, help="for HTTP (%(default)s)")
    parser.add_argument("--grpc-port", type=int, default=GRPC_PORT, help="for gRPC (%(default)s)")
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        kubectl = Kubectl(running_cluster().kubeconfig)
        forward = Forward(
            kubectl, options.namespace, options.pipeline, options.port, options.grpc_port
        )
        forward.check()
        forward.run(stopping)
    except SentinelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
