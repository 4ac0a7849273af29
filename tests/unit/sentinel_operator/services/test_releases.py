"""Revisions are read as they are, also where people changed what is written on them."""

import copy
from dataclasses import replace

import pytest

from sentinel_core.clock import format_us
from sentinel_core.errors import ReleaseError
from sentinel_operator.builders.child import Child
from sentinel_operator.services.releases import (
    Refusal,
    Revision,
    build_revision_of,
    read_revisions,
)
from tests.support.manifests import compile_files, read_sample

CHILD = Child("SentinelPipeline", "card-payments", "payments", "uid")
TIME = format_us(0)


@pytest.fixture(scope="module")
def revision():
    compiled = compile_files(read_sample("card-payments"))
    refused = Refusal("uid-of-a-pod", "StoreDenied", "It is denied.")
    begun = Revision.begin(compiled, 3, TIME)
    return replace(begun, role="stable", confirmed=True, refused=refused)


@pytest.fixture
def thing(revision):
    built = copy.deepcopy(build_revision_of(CHILD, revision))
    built["metadata"]["creationTimestamp"] = TIME
    return built


def read(thing):
    (found,) = read_revisions([thing])
    return found


def test_a_revision_is_read_as_it_was_built(revision, thing):
    assert read(thing) == revision


def test_pods_are_given_the_rows_that_were_compiled(thing):
    assert read(thing).lists == compile_files(read_sample("card-payments")).blobs


def test_reading_and_building_a_revision_copy_no_rows(thing):
    rows = thing["data"]["lists"]
    built = build_revision_of(CHILD, read(thing))["data"]["lists"]
    assert rows
    assert [id(rows[digest]) for digest in rows] == [id(built[digest]) for digest in rows]


def test_a_revision_is_named_by_its_release(revision, thing):
    digits = revision.digest.removeprefix("sha256:")[:10]
    assert thing["metadata"]["name"] == f"card-payments-decision-{digits}"


@pytest.mark.parametrize("labels", [{}, {"sentinel.dev/role": "king"}])
def test_a_revision_without_a_known_role_belongs_to_the_history(thing, labels):
    thing["metadata"]["labels"] = labels
    assert read(thing).role == "history"


def test_a_revision_without_annotations_is_neither_confirmed_nor_refused(thing):
    del thing["metadata"]["annotations"]
    found = read(thing)
    assert (found.confirmed, found.refused, found.since) == (False, None, TIME)


@pytest.mark.parametrize("text", ["no JSON", "[1]", "{}", "7"])
def test_a_refusal_that_somebody_wrote_otherwise_is_none(thing, text):
    thing["metadata"]["annotations"]["sentinel.dev/refused"] = text
    assert read(thing).refused is None


def test_a_revision_that_is_being_deleted_is_none(thing):
    thing["metadata"]["deletionTimestamp"] = TIME
    assert read_revisions([thing]) == ()


@pytest.mark.parametrize("data", [None, {}, {"release": "{}"}])
def test_a_release_of_another_version_is_refused(thing, data):
    with pytest.raises(ReleaseError) as refused:
        read({**thing, "data": data})
    assert refused.value.reason == "ReleaseUnreadable"


def test_a_long_refusal_is_shortened_and_says_so(revision):
    refused = Refusal("uid", "StoreDenied", "x" * 10_000)
    built = build_revision_of(CHILD, replace(revision, refused=refused))
    found = read({**built, "metadata": {**built["metadata"], "creationTimestamp": TIME}}).refused
    assert (len(found.message), found.message.endswith("(shortened)")) == (2048, True)
