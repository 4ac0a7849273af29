"""Settings come from the environment, and wrong ones are named."""

from __future__ import annotations

import pytest

from sentinel_bentos.decision.auth import LocalCallers
from sentinel_bentos.decision.rpc.service import build_grpc_server
from sentinel_bentos.decision.settings import MAX_BUDGET_MS, load_settings
from sentinel_core.errors import ConfigurationError
from sentinel_core.resources.pipeline import SentinelPipelineSpec
from tests.support.application import build_serving, build_settings


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTINEL_RELEASE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_HTTP_PORT", "8080")
    settings = load_settings()
    assert (settings.release_dir, settings.http_port, settings.host) == (
        tmp_path,
        8080,
        "127.0.0.1",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTINEL_HTTP_PORT", "70000"),
        ("SENTINEL_HOST", "example"),
        ("SENTINEL_BUDGET_MS", "0"),
        ("SENTINEL_FEEDBACK_BUDGET_MS", "soon"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, tmp_path, name, value):
    monkeypatch.setenv("SENTINEL_RELEASE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def test_missing_settings_are_named_together(monkeypatch):
    monkeypatch.delenv("SENTINEL_RELEASE_DIR", raising=False)
    monkeypatch.delenv("SENTINEL_STATE_DIR", raising=False)
    with pytest.raises(ConfigurationError, match=r"SENTINEL_RELEASE_DIR.*SENTINEL_STATE_DIR"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"budget_ms": None}, 65),
        ({"budget_ms": 50}, 15),
        ({"budget_ms": 50, "batch_budget_ms": 600_000}, 605),
        ({"budget_ms": 50, "batch_budget_ms": 1000, "feedback_budget_ms": 7000}, 12),
    ],
)
def test_a_connection_s_end_leaves_every_call_its_budget(tmp_path, settings, seconds):
    settings = build_settings(tmp_path, **settings)
    server = build_grpc_server(build_serving(), settings, LocalCallers())
    assert dict(server.limits.options())["grpc.max_connection_age_grace_ms"] == seconds * 1000


def test_the_largest_budget_is_that_of_a_pipeline():
    (most,) = [
        one.le for one in SentinelPipelineSpec.model_fields["budget_ms"].metadata
        if hasattr(one, "le")
    ]  # fmt: skip
    assert most == MAX_BUDGET_MS
