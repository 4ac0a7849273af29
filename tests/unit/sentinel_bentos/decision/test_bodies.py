"""Bodies are JSON with one meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_bentos.decision import bodies
from sentinel_bentos.decision.bodies import parse_body, require_plain_json, split_batch
from sentinel_bentos.decision.schemas import FeedbackRequest
from sentinel_core.errors import InvalidRequestError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON_VALUES)
def test_what_a_json_writer_writes_is_taken(value):
    require_plain_json(json.dumps(value).encode())


@given(st.lists(JSON_VALUES, min_size=1, max_size=5))
def test_a_batch_is_cut_into_its_events(values):
    cut = split_batch(json.dumps({"events": values}).encode())
    assert values == [json.loads(text) for text in cut]


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "a": 2}}]', "NaN", "[Infinity]"]
)
def test_json_with_two_meanings_is_refused(text):
    with pytest.raises(InvalidRequestError):
        require_plain_json(text.encode())


class CountedName(str):
    """A key that counts how often it is compared with another one."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        CountedName.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_key_that_is_given_twice_is_found_by_looking_each_up_once():
    CountedName.compared = 0
    keys = 1000
    pairs = [(CountedName(number), None) for number in (*range(keys), keys - 1)]
    with pytest.raises(ValueError, match=r"the key '999' is given twice"):
        bodies._unique(pairs)
    assert CountedName.compared < 10 * keys


def test_a_verdict_without_a_note_has_an_empty_one():
    assert parse_body(b'{"verdict": "escalated"}', FeedbackRequest).note == ""
