"""The stubs of the decision service are what protoc makes of its .proto."""

from __future__ import annotations

from sentinel_bentos.protocol.generate import main


def test_the_stubs_are_fresh():
    assert main(["--check"]) == 0
