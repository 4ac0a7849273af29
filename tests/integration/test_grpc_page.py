"""docs/how-to/call-over-grpc.md works as it is written, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_bentos.decision.problems import ANSWERS
from sentinel_core.errors import SentinelError
from sentinel_core.release import compile_manifest, write_projection
from tests.support.decision_server import serve, wait_until_ready

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "call-over-grpc.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
CLIENT, _, REFUSED, _ = re.findall(r"^```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
ADDRESS = "127.0.0.1:3001"


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=os.environ | {"PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_client_of_the_page_is_answered(bento, bentoml_home, tmp_path):
    (tmp_path / "bentos").symlink_to(ROOT / "bentos")
    *build, start = COMMANDS
    for command in build:
        run(command, tmp_path)
    compiled = compile_manifest(ROOT / "manifests" / "samples" / "logins")
    write_projection(tmp_path / "releases", compiled.release, blobs=compiled.blobs)
    with serve(bento, bentoml_home, tmp_path) as server:
        wait_until_ready(server)
        assert CLIENT.count(ADDRESS) == 1
        refused = REFUSED.replace("\n", "\n    ").rstrip()
        client = f"{CLIENT}    {refused}\n".replace(ADDRESS, f"127.0.0.1:{server.grpc_port}")
        (tmp_path / "client" / "score.py").write_text(client)
        printed = run(start, tmp_path)
    assert compiled.release.digest in printed.splitlines()[0]
    assert "replayed: bits True" in printed
    assert 'code: "invalid_event"' in printed


def test_the_table_of_errors_is_that_of_the_code():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (yes|no) \|$", PAGE, re.MULTILINE)
    told = {code: (status, again) for status, codes, again in rows
            for code in re.findall(r"`(\w+)`", codes)}  # fmt: skip
    only_http = {"unsupported_media_type", "method_not_allowed"}
    assert {
        error.code: (answer.grpc.name, "yes" if error.retryable else "no")
        for error, answer in ANSWERS.items()
        if error.code not in only_http
    } == told
    assert SentinelError.code in told
