"""./task k8s:forward: the way to a pipeline's pods, also when these come and go."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.cluster.harness.images import BUSYBOX
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
FORWARD = (sys.executable, "-m", "tests.cluster.harness.forward")
PATIENCE_SECONDS = 120
SERVE = """\
cd /tmp
mkdir www
hostname >www/index.html
httpd -p 3001 -h www
exec httpd -f -p 3000 -h www
"""


def eventually(check):
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := check()) is None:
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def pipeline(cluster, namespace):
    """Something that answers at the ports of a pipeline, under the name of its Service."""
    labels = {"app": "payments"}
    container = {
        "name": "main",
        "image": BUSYBOX,
        "command": ["sh", "-c", SERVE],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "readinessProbe": {"httpGet": {"path": "/", "port": 3000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [container],
    }
    metadata = {"name": "payments-decision", "namespace": namespace}
    ports = [{"name": f"p{port}", "port": port} for port in (3000, 3001)]
    cluster.kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": ports},
        },
    )
    return "payments"


@pytest.fixture
def forward(namespace, pipeline, tmp_path):
    """A running forward: process, ports of HTTP and gRPC, and the file of what it says."""
    http_port, grpc_port = free_port(), free_port()
    arguments = ["--pipeline", pipeline, "--namespace", namespace]
    arguments += ["--port", str(http_port), "--grpc-port", str(grpc_port)]
    said = tmp_path / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [*FORWARD, *arguments], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    yield process, http_port, grpc_port, said
    process.kill()
    process.wait()


def answer_of(port):
    """Return which pod answers at a port of this machine; None where none does."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}", timeout=5).text.strip()
    except httpx.HTTPError:
        return None


def test_both_ports_lead_to_the_pod(forward):
    _, http_port, grpc_port, _ = forward
    pod = eventually(lambda: answer_of(http_port))
    assert (pod, pod) == (pod, eventually(lambda: answer_of(grpc_port)))


def test_a_pod_that_is_replaced_is_found_again(cluster, namespace, forward):
    _, http_port, _, said = forward
    first = eventually(lambda: answer_of(http_port))
    cluster.kubectl("delete", "pod", first, "--namespace", namespace)
    second = eventually(lambda: answer_of(http_port))
    assert first != second
    lines = said.read_text().splitlines()
    assert [line.split(" (")[0] for line in lines if "onnected" in line][-1].startswith("Connected")


def test_how_to_ask_is_said_once(forward):
    _, http_port, _, said = forward
    eventually(lambda: answer_of(http_port))
    assert said.read_text().count(f"curl -s localhost:{http_port}/api/v1/score") == 1


def test_ctrl_c_ends_it_in_order(forward):
    process, http_port, _, _ = forward
    eventually(lambda: answer_of(http_port))
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert answer_of(http_port) is None


def test_a_port_that_is_taken_is_named_with_what_to_do(cluster, forward):
    _, http_port, _, _ = forward
    eventually(lambda: answer_of(http_port))
    second = subprocess.run(
        [*FORWARD, "--port", str(http_port)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    refusal = f"The port {http_port} of this machine cannot be opened: Address already in use."
    action = "Stop what uses it, or give --port and --grpc-port."
    assert (second.returncode, second.stderr) == (1, f"{refusal} {action}\n")
