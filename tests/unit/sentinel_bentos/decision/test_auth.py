"""Callers prove who they are, and a server open to the network has keys."""

from __future__ import annotations

import hashlib

import pytest
from starlette.datastructures import Headers

from sentinel_bentos.decision.auth import (
    Caller,
    KeyedCallers,
    LocalCallers,
    load_keys,
)
from sentinel_bentos.decision.key_file import load_callers
from sentinel_core.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidDocumentError,
    UnauthenticatedError,
)
from tests.support.application import build_settings

DIGEST = hashlib.sha256(b"secret").hexdigest()


def key_file(folder, text):
    path = folder / "keys.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "secret"},
        {"Authorization": "Bearer secret"},
        {"authorization": "bearer  secret"},
    ],
)
def test_a_key_is_taken_from_either_header(tmp_path, headers):
    text = f"keys: [{{name: shop, sha256: {DIGEST}, tenant: acme, role: service}}]"
    callers = load_keys(key_file(tmp_path, text))
    assert callers.identify(Headers(headers)) == Caller("shop", "acme", "service")


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"X-API-Key": DIGEST}, {"Authorization": "secret"}]
)
def test_anything_else_is_no_key(tmp_path, headers):
    text = f"keys: [{{name: shop, sha256: {DIGEST}, role: service}}]"
    with pytest.raises(UnauthenticatedError):
        load_keys(key_file(tmp_path, text)).identify(Headers(headers))


def test_an_empty_key_is_never_known():
    known = KeyedCallers(((hashlib.sha256(b"").digest(), Caller("x", "default", "admin")),))
    with pytest.raises(UnauthenticatedError):
        known.identify(Headers({}))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("keys: []", "keys.yaml:1:1"),
        (f"keys:\n- {{name: shop, sha256: {DIGEST}, role: operator}}", "keys.yaml:2:"),
        ("keys:\n- {name: shop, sha256: secret, role: service}", "keys.yaml:2:"),
        (f"keys:\n- {{name: shop, sha256: {DIGEST}, role: admin, key: secret}}", "keys.yaml:2:"),
        (f"keys:\n- {{name: a b, sha256: {DIGEST}, role: admin}}", "keys.yaml:2:"),
    ],
)
def test_a_faulty_key_file_is_refused_at_the_place_of_the_fault(tmp_path, text, place):
    with pytest.raises(InvalidDocumentError) as refusal:
        load_keys(key_file(tmp_path, text))
    assert place in refusal.value.problems[0].location


def test_two_keys_of_one_digest_are_refused(tmp_path):
    one = f"{{name: a, sha256: {DIGEST}, role: viewer}}"
    other = f"{{name: b, sha256: {DIGEST}, role: admin}}"
    with pytest.raises(InvalidDocumentError):
        load_keys(key_file(tmp_path, f"keys: [{one}, {other}]"))


def test_a_key_file_that_is_not_there_is_a_wrong_setting(tmp_path):
    with pytest.raises(ConfigurationError):
        load_keys(tmp_path / "missing.yaml")


def test_on_loopback_no_keys_are_needed(tmp_path):
    callers = load_callers(build_settings(tmp_path))
    caller = callers.identify(Headers({"host": "127.0.0.1:3000"}))
    assert caller == Caller("local", "default", "admin")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1"])
def test_open_to_the_network_keys_are_needed(tmp_path, host):
    with pytest.raises(ConfigurationError):
        load_callers(build_settings(tmp_path, host=host))


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1", "[::1]", "[::1]:3000"]
)
def test_a_local_server_answers_to_its_own_names(host):
    assert LocalCallers().identify(Headers({"host": host})).role == "admin"


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:3000", "127.0.0.1.evil.example"]
)
def test_a_local_server_refuses_names_that_others_point_at_it(host):
    with pytest.raises(ForbiddenError):
        LocalCallers().identify(Headers({"host": host}))
