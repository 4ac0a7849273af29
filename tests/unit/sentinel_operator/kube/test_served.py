"""Which pods are asked what they serve, and what counts as an answer."""

from __future__ import annotations

import json

import pytest

from sentinel_operator.kube.served import askable, parse_report


def pod(name, *, phase="Running", address="10.0.0.1", container="c1", **metadata):
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", **metadata},
        "status": {
            "phase": phase,
            **({"podIP": address} if address else {}),
            "containerStatuses": [{"containerID": container}],
        },
    }


def names(*pods):
    return [asked.name for asked in askable(pods)]


def test_pods_are_asked_in_the_order_of_their_names():
    assert names(pod("b"), pod("a")) == ["a", "b"]


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed", "Unknown"])
def test_a_pod_that_does_not_run_is_not_asked(phase):
    assert names(pod("a", phase=phase)) == []


def test_a_pod_without_an_address_is_not_asked():
    assert names(pod("a", address=None)) == []


def test_a_pod_that_is_about_to_end_is_not_asked():
    assert names(pod("a", deletionTimestamp="2026-01-01T00:00:00Z")) == []


def test_a_container_that_began_anew_is_another_to_ask():
    assert askable([pod("a", container="c1")]) != askable([pod("a", container="c2")])


def test_a_report_is_read():
    assert parse_report(b'{"stable": null, "percent": 0.5}') == {"stable": None, "percent": 0.5}


NO_REPORTS = [
    b"", b"{", b"null", b"[]", b'"x"', b"NaN", b'{"percent": NaN}', b'{"percent": Infinity}',
    b'{"percent": 1e999}', b'{"a": [{"b": -1e999}]}', b"\xff{}", b'{"a": "\xff"}',
    b"<html></html>",
]  # fmt: skip


@pytest.mark.parametrize("depth", [500, 30_000], ids=["deep", "deeper than a decoder goes"])
def test_what_nests_too_deep_to_be_looked_through_is_no_report(depth):
    assert parse_report(b'{"a":' + b"[" * depth + b"]" * depth + b"}") is None


@pytest.mark.parametrize("text", NO_REPORTS)
def test_what_is_no_finite_json_object_is_no_report(text):
    assert parse_report(text) is None


def test_every_finite_object_is_a_report():
    report = {"digests": ["a", "b"], "n": 1, "deep": {"x": [1.5, None, True]}}
    assert parse_report(json.dumps(report).encode()) == report
