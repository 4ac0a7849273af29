"""Addresses of artifacts are taken apart, or refused, and never show what is secret."""

import pytest

from sentinel_core.artifacts.stores.address import (
    WebAddress,
    parse_object_address,
    parse_web_address,
    shown,
)
from sentinel_core.errors import ArtifactError


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("https://a.example/x.tar", WebAddress(True, "a.example", None, "/x.tar")),
        ("http://a.example:8080", WebAddress(False, "a.example", 8080, "/")),
        ("https://[::1]:1/x", WebAddress(True, "::1", 1, "/x")),
        ("https://a.example/x y/%C3%BC", WebAddress(True, "a.example", None, "/x%20y/%C3%BC")),
        ("https://a.example/x?a=b&c=/d", WebAddress(True, "a.example", None, "/x?a=b&c=/d")),
        ("https://a.example/x#y", WebAddress(True, "a.example", None, "/x")),
    ],
)
def test_the_parts_of_a_web_address_are_those_of_the_request(uri, address):
    assert parse_web_address(uri) == address


@pytest.mark.parametrize(
    "uri",
    [
        "https:///x.tar", "https://", "ftp://a.example/x", "https://a.example:none/x",
        "https://a.example:0/x", "https://a.example:70000/x", "https://[::1/x",
        "https://reader:canary@a.example/x", "https://canary@a.example/x",
        "https://" + "a" * 64 + ".example/x",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_no_web_address(uri):
    with pytest.raises(ArtifactError) as refused:
        parse_web_address(uri)
    assert refused.value.reason == "UnsupportedStore"
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://", "s3://models", "s3://models/", "s3:///key", "s3://Models/x", "s3://m/x",
        "s3://models/../other/x", "s3://models/./x", "s3://models/a//b", "s3://models//x",
        "s3://models/x/", "s3://models/a\nb", "s3://-models/x", "s3://models/" + "x" * 1025,
        "s3://key:secret@models/x", "S3://models/x",
    ],
)  # fmt: skip
def test_what_is_no_object_of_a_store_is_refused(uri):
    with pytest.raises(ArtifactError) as refused:
        parse_object_address(uri)
    assert refused.value.reason == "UnsupportedStore"


@pytest.mark.parametrize("key", ["x", "a/b/c.tar", "a?b#c", "a b", "ü"])
def test_a_key_is_what_follows_the_bucket(key):
    assert parse_object_address(f"s3://my-models.1/{key}") == ("my-models.1", key)


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("https://a:b@h.example/x.tar?signature=c#d", "https://h.example/x.tar"),
        ("https://h.example?signature=c", "https://h.example"),
        ("s3://models/a?b#c", "s3://models/a?b#c"),
        ("models/card#1?", "models/card#1?"),
        ("https://h.example/" + "x" * 300, "https://h.example/" + "x" * 182),
    ],
)
def test_a_message_shows_what_names_the_artifact_and_no_more(uri, text):
    assert shown(uri) == text
