"""The operator as a process of its own, against a real API server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.cluster.harness.kubectl import Kubectl
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "manifests" / "crds"
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05


def eventually(
    check: Callable[[], object], what: str, *, within_seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until something holds."""
    until = time.monotonic() + within_seconds
    while not check():
        assert time.monotonic() < until, f"after {within_seconds} s still not: {what}"
        time.sleep(LOOK_SECONDS)


def install_crds(kubectl: Kubectl) -> None:
    """Install both definitions and wait until the API server serves them."""
    kubectl("apply", "--server-side", f"--filename={CRDS}")
    kubectl("wait", "--for=condition=Established", "--timeout=60s", f"--filename={CRDS}")


@dataclass(slots=True)
class OperatorProcess:
    """One replica.

    Attributes
    ----------
    settings : environment variables without their ``SENTINEL_``, in small letters
    """

    kubeconfig: Path
    folder: Path
    settings: dict[str, str]
    health_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"operator-{self.health_port}.log"

    def start(self) -> None:
        settings = {
            "listen_host": "127.0.0.1",
            "health_port": str(self.health_port),
            "metrics_port": str(self.metrics_port),
            "log_format": "plain",
            **self.settings,
        }
        variables = {f"SENTINEL_{name.upper()}": value for name, value in settings.items()}
        environment = {**os.environ, **variables, "KUBECONFIG": str(self.kubeconfig)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sentinel_operator.main"],
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        assert self.process is not None
        return self.process.poll()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout_seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end and return the exit code."""
        assert self.process is not None
        return self.process.wait(timeout_seconds)

    def is_ok(self, page: str) -> bool:
        """Ask /healthz or /readyz."""
        assert self.exit_code is None, self.log.read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.health_port}/{page}").is_success
        except httpx.TransportError:
            return False

    def metric(self, series: str) -> float:
        """Return one series, named as the page of metrics has it; 0 where there is none."""
        page = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return sum(float(value) for name, value in lines if name == series)

    def is_leading(self) -> bool:
        return self.is_ok("readyz") and self.metric("sentinel_operator_leading") == 1

    def stop(self) -> None:
        """End it in whatever state it is."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def running_operator(kubeconfig: Path, folder: Path, **settings: str) -> Iterator[OperatorProcess]:
    """Run one replica for as long as this is open; it need not lead yet."""
    operator = OperatorProcess(kubeconfig, folder, settings)
    operator.start()
    try:
        eventually(lambda: operator.is_ok("readyz"), f"the operator is ready, see {operator.log}")
        yield operator
    finally:
        operator.stop()
