"""Settings of a model server come from the environment, and wrong ones are named."""

from __future__ import annotations

import pytest

from sentinel_bentos.model.settings import load_settings
from sentinel_core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTINEL_RELEASE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_MODEL_NAME", "card-fraud")


def test_the_ports_have_defaults(tmp_path):
    settings = load_settings()
    assert (settings.http_port, settings.grpc_port, settings.stores_dir) == (3000, 3001, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTINEL_MODEL_NAME", "Card Fraud"),
        ("SENTINEL_MODEL_NAME", "a/b"),
        ("SENTINEL_GRPC_PORT", "0"),
        ("SENTINEL_HOST", "localhost"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def test_a_server_without_a_name_is_refused(monkeypatch):
    monkeypatch.delenv("SENTINEL_MODEL_NAME")
    with pytest.raises(ConfigurationError, match="SENTINEL_MODEL_NAME: Field required"):
        load_settings()
