"""docs/how-to/keep-models-in-a-store.md works as it is written, against a real object store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.artifacts import write_small_artifact
from tests.support.object_store import ACCESS_KEY_ID, SECRET_ACCESS_KEY

pytestmark = pytest.mark.server

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "keep-models-in-a-store.md").read_text()
SCRIPT = "set -e\n" + "\n".join(re.findall(r"^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
MODEL = f"""apiVersion: sentinel.dev/v1alpha1
kind: SentinelModel
metadata: {{name: card-fraud}}
spec:
  artifact:
    uri: models/card-fraud
    digest: sha256:{"0" * 64}
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory, object_store):
    """What the page's commands printed, with this store's settings in place of the example's."""
    folder = tmp_path_factory.mktemp("page")
    write_small_artifact(folder / "models/card-fraud/artifact")
    (folder / "model.yaml").write_text(MODEL)
    script = SCRIPT
    for example, real in {
        "https://store.example:9000": object_store.endpoint,
        "echo reader": f"echo {ACCESS_KEY_ID}",
        "change-me": SECRET_ACCESS_KEY,
    }.items():
        assert example in script
        script = script.replace(example, real)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=os.environ | {"PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_upload_has_the_name_that_the_page_says(printed):
    assert re.fullmatch(r"s3://models/fraud/card-fraud-[0-9a-f]{12}\.tar", printed[0])


def test_the_last_command_proves_the_artifact(printed):
    assert json.loads(printed[-1])["verdict"] == "Proven"
