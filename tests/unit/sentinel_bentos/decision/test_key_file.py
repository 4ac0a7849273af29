"""API keys from a file are those of the file as it is now; a slip in it locks nobody out."""

from __future__ import annotations

import hashlib
import logging

import pytest

from sentinel_bentos.decision.auth import Caller
from sentinel_bentos.decision.key_file import KeyFile, load_callers
from sentinel_core.errors import (
    ConfigurationError,
    InvalidDocumentError,
    UnauthenticatedError,
)
from tests.support.application import build_settings
from tests.support.kubelet import KubeletVolume


def keys(**roles):
    """Return the text of a file with a key for each name, which is also the key."""
    lines = [
        f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}, role: {role}}}"
        for name, role in roles.items()
    ]
    return "\n".join(["keys:", *lines]).encode()


@pytest.fixture
def volume(tmp_path):
    return KubeletVolume(tmp_path / "keys")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "keys.yaml"


def lets_in(callers, name):
    try:
        return callers.identify({"x-api-key": name}).name == name
    except UnauthenticatedError:
        return False


def test_a_secret_that_is_rotated_is_taken_up(volume, path):
    volume.write({"keys.yaml": keys(old="service")})
    callers = KeyFile(path)
    volume.write({"keys.yaml": keys(new="service")})
    before = [lets_in(callers, name) for name in ("old", "new")]
    callers.read_again()
    assert [before, [lets_in(callers, name) for name in ("old", "new")]] == [
        [True, False], [False, True],
    ]  # fmt: skip


def test_a_role_that_was_changed_is_the_new_one(volume, path):
    volume.write({"keys.yaml": keys(ann="admin")})
    callers = KeyFile(path)
    volume.write({"keys.yaml": keys(ann="viewer")})
    callers.read_again()
    assert callers.identify({"x-api-key": "ann"}) == Caller("ann", "default", "viewer")


def test_a_broken_file_keeps_the_keys_and_says_so_once(volume, path, caplog):
    volume.write({"keys.yaml": keys(shop="service")})
    callers = KeyFile(path)
    volume.write({"keys.yaml": b"keys: [nonsense"})
    for _ in range(3):
        callers.read_again()
    assert lets_in(callers, "shop")
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "The key file is not taken up; the keys stay (shop)." in record.getMessage()
    assert "keys.yaml:1:" in record.getMessage()


def test_a_file_that_comes_later_is_taken_up(volume, path):
    callers = KeyFile(path)
    volume.write({"keys.yaml": keys(shop="service")})
    before = lets_in(callers, "shop")
    callers.read_again()
    assert [before, lets_in(callers, "shop")] == [False, True]


def test_keys_go_with_their_file(volume, path):
    volume.write({"keys.yaml": keys(shop="service")})
    callers = KeyFile(path)
    volume.write({})
    callers.read_again()
    assert not lets_in(callers, "shop")


def test_a_missing_file_is_logged_once(path, caplog):
    callers = KeyFile(path)
    for _ in range(3):
        callers.read_again()
    assert [r.getMessage() for r in caplog.records] == [
        f"There is no key file {path}: nobody is let in."
    ]


@pytest.mark.parametrize("content", [None, b"keys: [nonsense"])
def test_open_to_the_network_a_server_starts_without_usable_keys_and_lets_nobody_in(
    tmp_path, volume, path, content
):
    volume.write({} if content is None else {"keys.yaml": content})
    callers = load_callers(build_settings(tmp_path, host="0.0.0.0", api_keys_file=path))
    assert not lets_in(callers, "shop")


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, ConfigurationError), (b"keys: [nonsense", InvalidDocumentError)],
)
def test_on_this_machine_a_wrong_key_file_is_told_at_once(tmp_path, volume, path, content, error):
    volume.write({} if content is None else {"keys.yaml": content})
    with pytest.raises(error):
        load_callers(build_settings(tmp_path, api_keys_file=path))
