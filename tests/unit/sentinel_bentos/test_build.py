"""What a Bento is made of."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import yaml

from sentinel_bentos import build


def test_the_context_holds_the_two_packages_and_the_pins(tmp_path):
    build._stage(tmp_path, "decision")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "bentofile.yaml", "requirements.txt", "sentinel_bentos", "sentinel_core",
    ]  # fmt: skip
    assert not list(tmp_path.rglob("__pycache__"))


def test_every_requirement_is_pinned_to_what_is_installed():
    pins = dict(pin.split("==") for pin in build._pins())
    assert {name: version(name) for name in pins} == pins
    assert {"bentoml", "fastapi", "onnxruntime", "sqlalchemy", "uvloop"} <= set(pins)


def test_what_only_training_or_tests_need_is_left_out():
    names = {pin.split("==")[0] for pin in build._pins()}
    assert names & {"prefect", "scikit-learn", "pytest", "hypothesis"} == set()


def test_what_builds_a_bento_is_not_part_of_it():
    assert "uv" not in {pin.split("==")[0] for pin in build._pins()}


def test_each_folder_with_a_bentofile_is_a_bento():
    assert "decision" in build.bento_names()
    assert [name for name in build.bento_names() if "." in name or name == "sentinel_bentos"] == []


@pytest.mark.parametrize("name", build.bento_names())
def test_a_bento_is_named_after_its_folder(name, tmp_path):
    build._stage(tmp_path, name)
    declared = yaml.safe_load((tmp_path / "bentofile.yaml").read_text())
    assert f"sentinel_{name}" == declared["name"]
    assert declared["service"].startswith(f"sentinel_bentos.{name}.")


def test_a_changed_line_is_another_version(tmp_path):
    build._stage(tmp_path, "decision")
    before = build._digest(tmp_path)
    (tmp_path / "sentinel_core" / "clock.py").write_text("# changed\n")
    assert before != build._digest(tmp_path)


def test_the_bento_reports_to_nobody(tmp_path):
    build._stage(tmp_path, "decision")
    envs = {
        e["name"]: e["value"]
        for e in yaml.safe_load((tmp_path / "bentofile.yaml").read_text())["envs"]
    }
    assert envs == {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True"}
