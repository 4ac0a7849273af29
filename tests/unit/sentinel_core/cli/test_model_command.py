"""``sentinel model`` from the outside."""

import json

import pytest
from typer.testing import CliRunner

from sentinel_core.cli.model import app
from sentinel_core.errors import ArtifactError
from sentinel_core.ids import digest_bytes
from tests.cluster.harness.certificates import Authority
from tests.support.artifacts import pack_tar, write_small_artifact
from tests.support.object_store import write_settings
from tests.support.web_server import serving_folder


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_keys_sign_an_artifact_that_then_verifies(tmp_path):
    assert run("keygen", tmp_path / "keys").exit_code == 0
    private = (tmp_path / "keys/model-signing.key").read_bytes()
    digest = write_small_artifact(tmp_path / "model", private_key_pem=private)
    public = tmp_path / "keys/model-signing.pub"
    result = run("verify", tmp_path / "model", "--digest", digest, "--key", public)
    checks = [line.split()[1] for line in result.stdout.splitlines()]
    assert checks == [
        "contents", "digest", "signature", "manifest", "graph", "probe", "explainer",
    ]  # fmt: skip
    assert result.exit_code == 0


def test_a_refused_artifact_names_its_reason(tmp_path):
    write_small_artifact(tmp_path / "model")
    result = run("verify", tmp_path / "model", "--digest", digest_bytes(b"another"))
    assert isinstance(result.exception, ArtifactError)
    assert result.exception.reason == "DigestMismatch"


def test_inspect_prints_the_manifest_as_json(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    shown = json.loads(run("inspect", tmp_path / "model", "--json").stdout)
    written = json.loads((tmp_path / "model/manifest.json").read_bytes())
    assert shown == {"digest": digest, "manifest": written}


def test_inspect_prints_a_summary_for_people(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    text = run("inspect", tmp_path / "model").stdout
    assert f"digest        {digest}" in text
    assert "trained on    1000 rows, 10 frauds, 2018-04-01 to 2018-07-01" in text


def test_an_artifact_in_a_store_is_shown_and_verified_like_one_in_a_folder(tmp_path):
    digest = write_small_artifact(tmp_path / "model")
    (tmp_path / "model.tar").write_bytes(pack_tar(tmp_path / "model"))
    authority = Authority(tmp_path / "authority")
    authority.create()
    identity = authority.issue("server", "server", hosts=["127.0.0.1"])
    store = write_settings(tmp_path / "store", None, ca_crt=authority.certificate.read_text())
    with serving_folder(tmp_path, identity) as url:
        shown = run("inspect", f"{url}/model.tar", "--store", store)
        verified = run("verify", f"{url}/model.tar", "--store", store, "--digest", digest)
    assert (shown.exit_code, verified.exit_code) == (0, 0)
    assert shown.stdout == run("inspect", tmp_path / "model").stdout
    assert verified.stdout == run("verify", tmp_path / "model", "--digest", digest).stdout


@pytest.mark.parametrize("command", ["inspect", "verify", "prove", "keygen"])
def test_help_shows_an_example(command):
    assert f"sentinel model {command} " in run(command, "--help").stdout
