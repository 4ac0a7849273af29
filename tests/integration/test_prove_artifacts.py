"""``sentinel model prove`` as a cluster runs it: twelve broken artifacts, twelve verdicts.

Running out of memory is not among them: the process is gone then, and the cluster sees that itself.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sentinel_core.artifacts.prove import MAX_VERDICT_BYTES
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.cli.model import app
from tests.support.broken_artifacts import BROKEN, Bench
from tests.support.object_store import ACCESS_KEY_ID, SECRET_ACCESS_KEY, write_settings
from tests.support.ports import free_port

pytestmark = pytest.mark.server


@pytest.fixture
def bench(tmp_path, object_store):
    return Bench(tmp_path, object_store.put)


@pytest.fixture
def stores(tmp_path, object_store):
    """The settings of the store, right and wrong."""
    endpoint = object_store.endpoint
    return {
        "good": write_settings(tmp_path / "good", endpoint),
        "unreachable": write_settings(tmp_path / "unreachable", f"http://127.0.0.1:{free_port()}"),
        "denied": write_settings(tmp_path / "denied", endpoint, secretAccessKey="another"),
    }


def arguments(case, stores, *options):
    return [
        "prove", "--uri", case.uri, "--digest", case.digest, "--store", str(stores[case.store]),
        *map(str, options),
    ]  # fmt: skip


@pytest.fixture
def prove(tmp_path, stores):
    """Run the command; return its exit code, its verdict and what it logged."""

    def run(case, *options):
        verdict_file = tmp_path / "termination-log"
        key = None if case.public_key is None else case.public_key.decode()
        ran = CliRunner().invoke(
            app,
            arguments(case, stores, "--verdict-file", verdict_file, *options),
            env={"SENTINEL_PUBLIC_KEY": key},
            catch_exceptions=False,
        )
        written = verdict_file.read_text()
        assert written == ran.stdout.rstrip("\n")
        assert len(written.encode()) <= MAX_VERDICT_BYTES
        for canary in (ACCESS_KEY_ID, SECRET_ACCESS_KEY):
            assert canary not in ran.output
        return ran.exit_code, json.loads(written), ran.stderr

    return run


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_broken_artifact_is_refused_with_its_own_reason(bench, prove, make):
    code, verdict, log = prove(make(bench))
    assert (code, verdict["verdict"], verdict["reason"]) == (1, "Refused", BROKEN[make])
    assert verdict["retryable"] is (verdict["reason"] == "StoreUnreachable")
    assert f"{verdict['reason']}: {verdict['message']}" in log


def test_each_broken_artifact_asks_for_another_action(tmp_path, object_store, prove):
    actions = []
    for make in BROKEN:
        (tmp_path / make.__name__).mkdir()
        _, verdict, _ = prove(make(Bench(tmp_path / make.__name__, object_store.put)))
        actions.append(verdict["userAction"])
    assert len(set(actions)) == len(BROKEN) == 12


def test_a_sound_artifact_is_proven(bench, prove):
    case = bench.put(public_key=bench.public)
    manifest = json.loads((bench.model / "manifest.json").read_bytes())
    code, verdict, log = prove(case)
    assert (code, log) == (0, "")
    assert verdict == {
        "verdict": "Proven",
        "digest": case.digest,
        "name": "card-fraud",
        "version": "1",
        "featureSpec": manifest["featureSpec"]["digest"],
        "sizeBytes": sum((bench.model / name).stat().st_size for name in manifest["files"]),
    }


def test_an_empty_key_is_no_demand_that_is_met(bench, prove):
    case = bench.put(public_key=b"")
    assert prove(case)[1]["reason"] == "KeyInvalid"


def test_a_key_from_a_file_is_the_one_that_counts(bench, prove):
    (bench.folder / "key.pub").write_bytes(bench.public)
    _, other = generate_key()
    case = bench.put(public_key=other)
    assert prove(case, "--public-key-file", bench.folder / "key.pub")[1]["verdict"] == "Proven"


def test_a_store_that_is_not_mounted_is_a_verdict(bench, stores, prove):
    case = bench.put()
    stores["good"].rename(bench.folder / "elsewhere")
    code, verdict, _ = prove(case)
    assert (code, verdict["reason"]) == (1, "StoreMisconfigured")


def test_the_command_needs_nothing_of_the_environment_but_what_the_image_sets(bench, stores):
    case = bench.put(public_key=bench.public)
    given = {
        "SENTINEL_PUBLIC_KEY": case.public_key.decode(),
        "SENTINEL_VERDICT_FILE": str(bench.folder / "log"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "sentinel_core.cli", "model", *arguments(case, stores)],
        env={"OMP_NUM_THREADS": "1"} | given,
        capture_output=True,
        check=True,
    )
    assert (bench.folder / "log").read_bytes() == ran.stdout.rstrip(b"\n")
    assert json.loads(ran.stdout)["verdict"] == "Proven"
