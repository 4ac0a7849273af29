"""What the image of the Bentos starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_bentos import decision, model
from sentinel_bentos.entrypoint import ADMIN_PORT, serve_command
from sentinel_core.ids import digest_bytes

DIGEST = digest_bytes(b"an artifact")


@pytest.fixture
def bentos(tmp_path):
    for name in ("decision", "model"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bento.yaml").touch()
    return tmp_path


def start(bentos, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "sentinel_bentos.entrypoint", *arguments],
        env=os.environ | {"SENTINEL_BENTOS_DIR": str(bentos), "BENTOML_HOME": str(bentos / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("console",), ("model", "decision"), ("--help",)])
def test_what_is_no_bento_is_told_which_there_are(bentos, arguments):
    ran = start(bentos, *arguments)
    assert ran.returncode == 2
    assert "NAME    serve this Bento: decision, model\n" in ran.stderr


def test_an_image_without_bentos_says_where_it_looked(tmp_path):
    assert f"serve this Bento: none in {tmp_path}\n" in start(tmp_path, "decision").stderr


def test_a_bento_is_served_to_every_address_at_its_own_port(bentos):
    assert serve_command(bentos / "model") == [
        sys.executable, "-m", "bentoml", "serve", str(bentos / "model"),
        "--host", "0.0.0.0", "--port", "3002",
    ]  # fmt: skip


def test_the_server_takes_the_place_of_the_command(bentos):
    # An empty bento.yaml is none, and it is bentoml itself that says so.
    ran = start(bentos, "model")
    assert ran.returncode not in {0, 2}
    assert "usage: sentinel-bento" not in ran.stderr


@pytest.mark.parametrize("package", [decision, model], ids=["decision", "model"])
def test_the_port_is_that_of_the_bento_s_own_server(package):
    source = Path(package.__path__[0], "service.py").read_text()
    assert f"ADMIN_PORT = {ADMIN_PORT}\n" in source


def test_proving_gives_the_verdict_of_the_command(bentos, tmp_path):
    ran = start(bentos, "prove", "--uri", str(tmp_path / "gone"), "--digest", DIGEST)
    verdict = json.loads(ran.stdout)
    assert (ran.returncode, verdict["verdict"], verdict["reason"]) == (
        1, "Refused", "ArtifactMissing",
    )  # fmt: skip
