"""``sentinel model prove`` as a cluster runs it: twelve broken artifacts, twelve verdicts.

Running out of memory is not among them: the process is gone then, and the cluster sees that itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.prove import MAX_VERDICT_BYTES
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.artifacts.write import pack_tar
from sentinel_core.cli.model import app
from sentinel_core.ids import digest_bytes
from tests.support.artifacts import write_small_artifact
from tests.support.decision_server import free_port
from tests.support.hostile import linear, rewrite
from tests.support.object_store import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    ObjectStore,
    write_settings,
)

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Case:
    """What is asked to be proven, and with which store and key."""

    uri: str
    digest: str
    store: Path
    public_key: bytes | None = None


class Bench:
    """Where broken artifacts are made."""

    def __init__(self, folder: Path, objects: ObjectStore) -> None:
        self.folder = folder
        self.store = write_settings(folder / "store", objects.endpoint)
        self.model = folder / "model"
        self._objects = objects
        self.private, self.public = generate_key()
        write_small_artifact(self.model, private_key_pem=self.private)

    def put(self, data: bytes | None = None, public_key: bytes | None = None) -> Case:
        digest = digest_bytes((self.model / "manifest.json").read_bytes())
        tar = pack_tar(self.model) if data is None else data
        uri = self._objects.put(f"{self.folder.name}/card.tar", tar)
        return Case(uri, digest, self.store, public_key)

    def put_other(self, **files: bytes) -> Case:
        """Put the artifact with other files in it, listed properly, and without a signature."""
        (self.model / "SIGNATURE").unlink()
        rewrite(self.model, **files)
        return self.put()

    def put_without_trees(self, **files: bytes) -> Case:
        """Put an artifact whose model nothing explains."""
        for path in (self.model / "explainer").iterdir():
            path.unlink()
        return self.put_other(**files)


@pytest.fixture
def bench(tmp_path, object_store):
    return Bench(tmp_path, object_store)


def arguments(case, *options):
    return [
        "prove", "--uri", case.uri, "--digest", case.digest, "--store", str(case.store),
        *map(str, options),
    ]  # fmt: skip


def prove(case, *options):
    """Run the command; return its exit code, its verdict and what it logged."""
    verdict_file = case.store.parent / "termination-log"
    key = None if case.public_key is None else case.public_key.decode()
    ran = CliRunner().invoke(
        app,
        arguments(case, "--verdict-file", verdict_file, *options),
        env={"SENTINEL_PUBLIC_KEY": key},
        catch_exceptions=False,
    )
    written = verdict_file.read_text()
    assert written == ran.stdout.rstrip("\n")
    assert len(written.encode()) <= MAX_VERDICT_BYTES
    for canary in (ACCESS_KEY_ID, SECRET_ACCESS_KEY):
        assert canary not in ran.output
    return ran.exit_code, json.loads(written), ran.stderr


def missing(bench):
    case = bench.put()
    return Case(case.uri.replace("card.tar", "none.tar"), case.digest, case.store)


def of_another_digest(bench):
    case = bench.put()
    return Case(case.uri, digest_bytes(b"another"), case.store)


def unsigned(bench):
    (bench.model / "SIGNATURE").unlink()
    return bench.put(public_key=bench.public)


def signed_by_another(bench):
    _, public = generate_key()
    return bench.put(public_key=public)


def truncated(bench):
    return bench.put(pack_tar(bench.model)[:5000])


def not_onnx(bench):
    return bench.put_other(model_onnx=b"import os")


def of_another_schema(bench):
    wide = numpy_helper.from_array(np.zeros((4, 1), np.float32), "w")
    model = linear(initializer=[wide])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    return bench.put_without_trees(model_onnx=model.SerializeToString())


def of_other_answers(bench):
    probe = Probe(inputs=((0.0, 0.0, 0.0),), margin=(0.1,), probability=(0.5,))
    model = linear().SerializeToString()
    return bench.put_without_trees(model_onnx=model, probe_json=probe.to_bytes())


def too_large(bench):
    return bench.put(pack_tar(bench.model) + bytes(Limits().max_tar_bytes))


def not_a_number(bench):
    probe = Probe(inputs=((0.0, 0.0, 0.0),), margin=(0.0,), probability=(0.5,))
    nan = numpy_helper.from_array(np.full((3, 1), np.nan, np.float32), "w")
    model = linear(initializer=[nan]).SerializeToString()
    return bench.put_without_trees(model_onnx=model, probe_json=probe.to_bytes())


def in_an_unreachable_store(bench):
    write_settings(bench.store, f"http://127.0.0.1:{free_port()}")
    return bench.put()


def in_a_store_that_denies(bench):
    (bench.store / "secretAccessKey").write_text("another")
    return bench.put()


BROKEN = {
    missing: "ArtifactMissing",
    of_another_digest: "DigestMismatch",
    unsigned: "SignatureMissing",
    signed_by_another: "SignatureInvalid",
    truncated: "Truncated",
    not_onnx: "NotOnnx",
    of_another_schema: "SchemaMismatch",
    of_other_answers: "ProbeMismatch",
    too_large: "ArtifactTooLarge",
    not_a_number: "NotFinite",
    in_an_unreachable_store: "StoreUnreachable",
    in_a_store_that_denies: "StoreDenied",
}


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_broken_artifact_is_refused_with_its_own_reason(bench, make):
    code, verdict, log = prove(make(bench))
    assert (code, verdict["verdict"], verdict["reason"]) == (1, "Refused", BROKEN[make])
    assert verdict["retryable"] is (verdict["reason"] == "StoreUnreachable")
    assert f"{verdict['reason']}: {verdict['message']}" in log


def test_each_broken_artifact_asks_for_another_action(tmp_path, object_store):
    actions = []
    for make in BROKEN:
        (tmp_path / make.__name__).mkdir()
        _, verdict, _ = prove(make(Bench(tmp_path / make.__name__, object_store)))
        actions.append(verdict["userAction"])
    assert len(set(actions)) == len(BROKEN) == 12


def test_a_sound_artifact_is_proven(bench):
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


def test_an_empty_key_is_no_demand_that_is_met(bench):
    case = bench.put(public_key=b"")
    assert prove(case)[1]["reason"] == "KeyInvalid"


def test_a_key_from_a_file_is_the_one_that_counts(bench):
    (bench.folder / "key.pub").write_bytes(bench.public)
    _, other = generate_key()
    case = bench.put(public_key=other)
    assert prove(case, "--public-key-file", bench.folder / "key.pub")[1]["verdict"] == "Proven"


def test_a_store_that_is_not_mounted_is_a_verdict(bench):
    case = bench.put()
    bench.store.rename(bench.folder / "elsewhere")
    code, verdict, _ = prove(case)
    assert (code, verdict["reason"]) == (1, "StoreMisconfigured")


def test_the_command_needs_nothing_of_the_environment_but_what_the_image_sets(bench):
    case = bench.put(public_key=bench.public)
    given = {
        "SENTINEL_PUBLIC_KEY": case.public_key.decode(),
        "SENTINEL_VERDICT_FILE": str(bench.folder / "log"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "sentinel_core.cli", "model", *arguments(case)],
        env={"OMP_NUM_THREADS": "1"} | given,
        capture_output=True,
        check=True,
    )
    assert (bench.folder / "log").read_bytes() == ran.stdout.rstrip(b"\n")
    assert json.loads(ran.stdout)["verdict"] == "Proven"
