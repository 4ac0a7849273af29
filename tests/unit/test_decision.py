"""The decision record refuses what it cannot give back, and reads what earlier versions wrote."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest

from sentinel_core.decision import decode, encode, from_recorded_vector, to_recorded_vector
from sentinel_core.errors import InvalidDocumentError
from tests.support.decisions import build_decision


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_refused_by_its_name(number):
    decision = build_decision(vector=(1.0, number))
    with pytest.raises(ValueError, match="a value of vector is"):
        encode(decision)


def test_an_infinite_margin_of_a_model_is_refused():
    signal = replace(build_decision().signals[0], raw=math.inf)
    with pytest.raises(ValueError, match="raw value of signal fraud"):
        encode(build_decision(signals=(signal,)))


def test_a_missing_value_of_the_vector_is_written_as_null():
    written = msgspec.json.decode(
        encode(build_decision(vector=to_recorded_vector((math.nan, 2.0))))
    )
    assert written["vector"] == [None, 2.0]


def test_a_recorded_vector_is_scored_again_with_its_gaps():
    vector = from_recorded_vector((1.5, None))
    assert vector[0] == 1.5
    assert math.isnan(vector[1])


def test_a_record_with_a_field_that_is_not_known_yet_is_read():
    written = msgspec.json.decode(encode(build_decision()))
    assert decode(msgspec.json.encode(written | {"later": 1})) == build_decision()


def test_a_record_without_the_fields_that_have_defaults_is_read():
    written = msgspec.json.decode(encode(build_decision(runtime={}, explained=False)))
    del written["runtime"], written["explained"]
    assert decode(msgspec.json.encode(written)) == build_decision(runtime={}, explained=False)


@pytest.mark.parametrize("damaged", [b"", b"{}", b'{"id": 3}', encode(build_decision())[:-1]])
def test_a_damaged_record_is_refused_with_the_next_action(damaged):
    with pytest.raises(InvalidDocumentError) as caught:
        decode(damaged)
    assert caught.value.user_action.startswith("Read it with the version that wrote it")
