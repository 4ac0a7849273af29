"""A request over gRPC costs no more than its bounds, whatever is in it."""

from __future__ import annotations

import pytest

from sentinel_bentos.decision.bodies import MAX_BATCH_BYTES
from sentinel_bentos.decision.problems import faults_of
from sentinel_bentos.decision.rpc import requests
from sentinel_bentos.decision.rpc.answers import problem_message
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_core.errors import InvalidRequestError, Problem

UNKNOWN = b"\x78\x01"
"""Field 15, which is not in our .proto."""


@pytest.fixture
def looked_at(monkeypatch):
    """Return the messages whose unknown fields were made into objects."""
    found = []
    look = requests.UnknownFieldSet
    monkeypatch.setattr(requests, "UnknownFieldSet", lambda m: found.append(m) or look(m))
    return found


def refused(data):
    with pytest.raises(InvalidRequestError) as raised:
        requests.parse_message(data, pb.ScoreBatchRequest, MAX_BATCH_BYTES)
    return [f"{p.location}: {p.message}" for p in raised.value.problems]


def test_a_batch_of_too_many_events_is_refused_before_any_of_them_is_looked_at(looked_at):
    data = pb.ScoreBatchRequest(events=[pb.Event()] * 1001).SerializeToString()
    assert (refused(data), looked_at) == (["events: 1001 events, not 1 to 1000"], [])


def test_a_batch_of_known_fields_is_not_looked_at_event_by_event(looked_at):
    data = pb.ScoreBatchRequest(events=[pb.Event(id="e")] * 1000).SerializeToString()
    requests.parse_message(data, pb.ScoreBatchRequest, MAX_BATCH_BYTES)
    assert looked_at == []


def test_of_many_unknown_fields_the_first_are_named_and_the_rest_is_told():
    data = pb.ScoreBatchRequest(events=[pb.Event()]).SerializeToString() + UNKNOWN * 50
    assert refused(data) == [
        *["field 15: is not known here"] * 9,
        "message: has 100 bytes of fields that are not known here",
    ]


def test_a_million_unknown_fields_are_refused_without_an_object_for_each(looked_at):
    data = pb.ScoreBatchRequest(events=[pb.Event()]).SerializeToString() + UNKNOWN * 1_000_000
    told = ["message: has 2000000 bytes of fields that are not known here"]
    assert (refused(data), looked_at) == (told, [])


def test_faults_that_are_not_told_are_not_described_either():
    faults = tuple(Problem(f"f{number}", "is wrong", "mend it") for number in range(1000))
    error = InvalidRequestError("Not valid.", faults, user_action="Mend it.")
    told = [one.location for one in problem_message(error, 10).errors]
    assert (told, len(faults_of(error))) == ([f"f{number}" for number in range(10)], 1000)
