"""``sentinel release``: what it prints, writes and refuses."""

import shutil

import pytest
from typer.testing import CliRunner

from sentinel_core.cli.release import app
from sentinel_core.errors import InvalidDocumentError, NotFoundError, ReleaseError
from sentinel_core.ids import digest_bytes
from sentinel_core.release import write_projection
from tests.support.manifests import (
    SAMPLES,
    compile_files,
    edited,
    read_sample,
)

LOGINS = SAMPLES / "logins"


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(a) for a in arguments])


@pytest.fixture
def cards():
    return compile_files(read_sample("card-payments")).release


def write(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_compile_prints_what_the_release_holds(run, tmp_path, cards):
    result = run("compile", "-f", write(tmp_path, read_sample("card-payments")))
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert f"release          {cards.digest}" == lines[0]
    count = len(cards.features["features"])
    assert f"features         {count}, {cards.features_digest}" in lines
    assert f"model fraud      card-fraud {cards.models[0].digest}, no signature asked for" in lines
    assert f"rules            {len(cards.rules)}" in lines
    assert "outcomes         review 60, block 85" in lines


def test_the_digest_of_the_json_is_the_release_s(run):
    expected = compile_files(read_sample("logins")).release.digest
    assert expected == digest_bytes(run("compile", "-f", LOGINS, "--json").output.encode())


def test_the_digest_of_the_written_file_is_the_release_s(run, tmp_path):
    path = tmp_path / "release.json"
    assert run("compile", "-f", LOGINS, "--out", path).exit_code == 0
    expected = compile_files(read_sample("logins")).release.digest
    assert expected == digest_bytes(path.read_bytes())


def test_a_written_release_is_shown_as_it_was_compiled(run, tmp_path):
    path = tmp_path / "release.json"
    compiled = run("compile", "-f", LOGINS, "--out", path)
    assert compiled.output == run("show", path).output


def test_a_manifest_with_faults_is_refused_and_nothing_is_written(run, tmp_path):
    files = edited(read_sample("logins"), "pipeline.yaml", "rules: 1.0", "rules: 2.0")
    out = tmp_path / "release.json"
    result = run("compile", "-f", write(tmp_path, files), "--out", out)
    assert isinstance(result.exception, InvalidDocumentError)
    assert not out.exists()


def test_a_manifest_of_several_pipelines_needs_a_name(run, tmp_path):
    for name in ("card-payments", "logins"):
        for file, text in read_sample(name).items():
            (tmp_path / f"{name}-{file}").write_text(text)
    assert isinstance(run("compile", "-f", tmp_path).exception, NotFoundError)
    result = run("compile", "-f", tmp_path, "--pipeline", "logins")
    assert "default/logins for Login events" in result.output


def test_a_sample_without_its_model_says_what_to_run(run):
    result = run("compile", "-f", SAMPLES / "card-payments")
    assert isinstance(result.exception, ReleaseError)
    assert "sentinel propose" in str(result.exception)


def test_a_server_s_folder_is_shown_with_both_releases(run, tmp_path, cards):
    candidate = cards.model_copy(update={"budget_ms": 40})
    write_projection(tmp_path, cards, candidate, 12.5)
    output = run("show", tmp_path).output
    assert "Stable, 87.5 % of the traffic:" in output
    assert "Candidate, 12.5 % of the traffic:" in output
    assert candidate.digest in output


def test_a_candidate_that_cannot_be_read_is_said(run, tmp_path, cards):
    write_projection(tmp_path, cards, cards, 10)
    (tmp_path / "candidate.json").resolve().write_text("{}")
    assert "The candidate is not served" in run("show", tmp_path).output


def test_show_prints_the_stable_release_for_machines(run, tmp_path, cards):
    write_projection(tmp_path, cards)
    assert cards.digest == digest_bytes(run("show", tmp_path, "--json").output.encode())


def test_a_file_that_is_no_release_is_refused(run, tmp_path):
    path = tmp_path / "pipeline.yaml"
    shutil.copy(LOGINS / "pipeline.yaml", path)
    assert isinstance(run("show", path).exception, ReleaseError)


@pytest.mark.parametrize("command", ["compile", "show"])
def test_help_has_examples(run, command):
    assert "Example: sentinel release" in run(command, "--help").output
