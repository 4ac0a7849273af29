"""``sentinel up`` on a sample: ready, following its manifests, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.decision_server import wait_until
from tests.support.manifests import SAMPLES
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

SENTINEL = Path(sys.executable).with_name("sentinel")


class Up:
    """A running ``sentinel up``, what it printed, and where its server answers."""

    def __init__(self, folder, *options):
        self.manifests = folder / "manifests"
        self.ports = free_port(), free_port(), free_port()
        self.log = folder / "up.log"
        command = [
            str(SENTINEL), "up", "-f", str(self.manifests), "--state", str(folder / "state"),
            "--port", str(self.ports[0]), "--admin-port", str(self.ports[1]),
            "--grpc-port", str(self.ports[2]), *options,
        ]  # fmt: skip
        # A budget that a busy machine keeps.
        environment = os.environ | {"SENTINEL_BUDGET_MS": "60000"}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment
            )

    @property
    def printed(self):
        return self.log.read_text()

    def wait_for(self, text):
        def seen():
            assert self.process.poll() is None or text in self.printed, self.printed
            return text in self.printed

        wait_until(seen, text)

    def served(self):
        return httpx.get(f"http://127.0.0.1:{self.ports[1]}/served").json()

    def answers(self):
        try:
            return self.served()
        except httpx.TransportError:
            return None

    def children(self):
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [int(pid) for pid in listed.stdout.split()]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SAMPLES / "logins", tmp_path / "manifests")
    return tmp_path


@pytest.fixture
def up(folder, bentoml_home, bento):
    # The Bento that the session has built already.
    (folder / "state").mkdir()
    (folder / "state" / "bentoml").symlink_to(bentoml_home)
    running = Up(folder)
    running.wait_for("Ready.")
    yield running
    running.stop()


def test_a_changed_manifest_is_served_and_a_bad_one_is_told_with_its_place(up):
    before = up.served()["stable"]
    pipeline = up.manifests / "pipeline.yaml"
    good = pipeline.read_text()
    pipeline.write_text(good.replace("velocity: 0.6", "velocity: heavy"))
    up.wait_for(f"The server keeps the release {before}")
    line = 1 + good[: good.index("velocity: 0.6")].count("\n")
    assert f"pipeline.yaml:{line}:" in up.printed
    assert up.served()["stable"] == before
    pipeline.write_text(good.replace("velocity: 0.6", "velocity: 0.5"))
    up.wait_for("Serving the release")
    assert up.served()["stable"] != before


def test_it_ends_with_its_server_when_it_is_told_to(up):
    children = up.children()
    assert (up.stop(), up.printed.splitlines()[-1]) == (0, "Stopped.")
    assert children
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_it_ends_with_an_error_when_its_server_dies(up):
    (arbiter,) = up.children()
    os.kill(arbiter, signal.SIGKILL)
    assert up.process.wait(60) == 1
    assert "The server ended with code" in up.printed
    wait_until(lambda: not up.answers(), "the end of its worker")


def test_its_server_ends_also_when_it_is_killed(up):
    children = up.children()
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "its end")
    assert not up.answers()


def test_a_port_in_use_is_refused_before_anything_starts(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = Up(folder, "--port", port)
        assert refused.process.wait(60) == 1
    assert f"The port {port} of 127.0.0.1 cannot be opened" in refused.printed


def test_a_manifest_that_is_refused_starts_nothing(folder):
    rules = folder / "manifests" / "rules.yaml"
    rules.write_text(rules.read_text().replace("gte: 10}", "gte: many}", 1))
    refused = Up(folder)
    assert refused.process.wait(60) == 1
    assert "rules.yaml:" in refused.printed
    assert not (folder / "state").exists()


def test_what_is_declared_for_a_cluster_is_passed_over_and_said(folder):
    pipeline = folder / "manifests" / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text() + "  server: {drainSeconds: 5}\n")
    with socket.socket() as taken:  # so that nothing needs to be started
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = Up(folder, "--port", str(taken.getsockname()[1]))
        assert refused.process.wait(60) == 1
    assert "Passed over in SentinelPipeline logins: spec.server (for a cluster)" in refused.printed
