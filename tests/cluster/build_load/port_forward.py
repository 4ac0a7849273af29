"""A port of this machine that leads into the cluster."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.harness.kubectl import Kubectl
from tests.setup.errors import HarnessError

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, target: str, port: int) -> Iterator[int]:
    """Give a free port on 127.0.0.1 that leads to a port of a Service or pod, while this is open.

    Parameters
    ----------
    target : as kubectl has it, such as ``service/model-store``

    Raises
    ------
    HarnessError
        kubectl could not open it, such as where no pod is ready. Retryable.
    """
    command = kubectl.command(
        "port-forward", f"--namespace={namespace}", "--address=127.0.0.1", target, f":{port}"
    )
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _read_port(process, target)
        finally:
            process.terminate()


def _read_port(process: subprocess.Popen[str], target: str) -> int:
    assert process.stdout is not None
    assert process.stderr is not None
    opened = _FORWARDING.match(process.stdout.readline())
    if opened is None:
        raise HarnessError(
            f"kubectl port-forward to {target} failed: {process.stderr.read().strip()}",
            user_action="See whether its pods are ready: ./task k8s:status.",
        )
    return int(opened[1])
