"""A verdict is one JSON object that fits where a container leaves its last words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.artifacts import prove
from sentinel_core.artifacts.prove import (
    MAX_VERDICT_BYTES,
    Proven,
    Refused,
    prove_artifact,
    verdict_bytes,
)
from tests.support.artifacts import write_small_artifact


def refused(message):
    return Refused("NotOnnx", message, "Export the model again.", retryable=False)


@given(st.text(max_size=6000))
def test_a_verdict_always_fits_and_can_be_read(message):
    written = verdict_bytes(refused(message))
    assert len(written) <= MAX_VERDICT_BYTES
    told = json.loads(written)["message"]
    kept = told.removesuffix(" ... (shortened: the log has the whole message)")
    assert message.startswith(kept)
    assert told == message or kept != told


def test_a_message_that_fits_is_not_touched():
    assert json.loads(verdict_bytes(refused("x" * 3000)))["message"] == "x" * 3000


def test_a_shortened_message_keeps_what_there_is_room_for():
    written = verdict_bytes(refused("x" * 9000))
    assert len(written) == MAX_VERDICT_BYTES
    assert "shortened" in json.loads(written)["message"]


def test_both_verdicts_have_the_names_of_their_contract():
    proven = Proven("sha256:1", "card-fraud", "1", "sha256:2", 3)
    assert list(proven.plain()) == [
        "verdict", "digest", "name", "version", "featureSpec", "sizeBytes",
    ]  # fmt: skip
    assert list(refused("").plain()) == [
        "verdict", "reason", "message", "userAction", "retryable",
    ]  # fmt: skip


def test_an_error_that_nobody_expected_is_a_verdict_with_a_trace(tmp_path, monkeypatch, capsys):
    digest = write_small_artifact(tmp_path / "model")

    def break_down(artifact):
        raise RuntimeError("the runtime has a bad day")

    monkeypatch.setattr(prove, "LoadedModel", break_down)
    verdict = prove_artifact(str(tmp_path / "model"), digest)
    assert (verdict.reason, verdict.retryable) == ("ProofFailed", False)
    assert "RuntimeError: the runtime has a bad day" in verdict.message
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("uri", ["path", "file"])
def test_a_proof_reads_whatever_a_server_reads(tmp_path, uri):
    digest = write_small_artifact(tmp_path / "model")
    uri = (tmp_path / "model").as_uri() if uri == "file" else str(tmp_path / "model")
    assert prove_artifact(uri, digest).digest == digest
