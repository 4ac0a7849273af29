"""Settings come from the environment, and wrong ones are named."""

from __future__ import annotations

import pytest

from sentinel_bentos.decision.settings import load_settings
from sentinel_core.errors import ConfigurationError


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
