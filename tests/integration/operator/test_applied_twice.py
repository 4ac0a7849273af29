"""Objects that are applied again stay as they are, and releases come back from the cluster unchanged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sentinel_core.ids import digest_bytes
from sentinel_operator.services.releases import Revision, build_revision_of, read_revisions
from tests.support.operator_objects import CASES, PIPELINE
from tests.support.pipelines import build_release

WITHOUT_AN_API = "ServiceMonitor"
TIME = "2026-01-01T00:00:00Z"
ROWS = json.dumps([["4111", 'Ωmega \u2028 "quoted"'], ["é", None]])


@pytest.fixture
def namespace(api):
    return api.namespace("applied")


def apply(api, namespace, thing):
    """Apply an object as the operator does; return what the API server keeps."""
    placed = {**thing, "metadata": {**thing["metadata"], "namespace": namespace}}
    text = api.kubectl(
        "apply", "--server-side", "--validate=strict", "--field-manager=sentinel-operator",
        "--output=json", "--filename=-", stdin=json.dumps(placed),
    )  # fmt: skip
    return json.loads(text)


@pytest.mark.parametrize("case", CASES)
def test_an_object_that_is_applied_again_is_not_changed(api, namespace, case):
    objects = [one for one in CASES[case]() if one["kind"] != WITHOUT_AN_API]
    first = [apply(api, namespace, one)["metadata"]["resourceVersion"] for one in objects]
    again = [apply(api, namespace, one)["metadata"]["resourceVersion"] for one in objects]
    assert again == first


def revision(**release):
    changed = build_release().model_copy(update=release)
    rows = {digest_bytes(ROWS.encode()): ROWS}
    return Revision(changed, rows, 3, "stable", TIME, confirmed=True)


@pytest.mark.parametrize(
    "release",
    [
        {},
        {"fusion": {"method": "NoisyOr", "weights": {"rules": 1.0, "velocity": 1e-07}}},
        {"fusion": {"method": "NoisyOr", "weights": {"rules": 0.1 + 0.2, "velocity": 1e22}}},
        {"pipeline": "of-umlauts", "signals": {"velocity": {"note": "Größe \u2028 🙂"}}},
    ],
    ids=["as it is", "a small number", "numbers that do not end", "other letters"],
)
def test_a_release_has_the_same_digest_after_it_was_kept_in_the_cluster(api, namespace, release):
    kept = revision(**release)
    (read,) = read_revisions([apply(api, namespace, build_revision_of(PIPELINE, kept))])
    assert (read.digest, read.release.canonical) == (kept.digest, kept.release.canonical)


def test_a_revision_is_the_same_after_it_was_kept_in_the_cluster(api, namespace):
    kept = revision()
    (read,) = read_revisions([apply(api, namespace, build_revision_of(PIPELINE, kept))])
    assert read == kept


def test_the_role_of_a_revision_can_change_and_its_data_cannot(api, namespace):
    kept = build_revision_of(PIPELINE, revision())
    apply(api, namespace, kept)
    past = apply(api, namespace, build_revision_of(PIPELINE, replace(revision(), role="history")))
    assert (past["metadata"]["labels"]["sentinel.dev/role"], past["data"]) == (
        "history",
        kept["data"],
    )
