"""Asking the lists of a pipeline."""

from __future__ import annotations

import pytest

from sentinel_core.errors import ReleaseError
from sentinel_core.lists import Entry, ListIndex, WatchList
from tests.support.watch_lists import build_list

CARDS = build_list("cards", "block", "card", Entry("c-1", 1000, "ana", "stolen"))
ADDRESSES = build_list("addresses", "watch", "ip", "2001:db8::1")
INDEX = ListIndex([CARDS, ADDRESSES])


def test_a_listed_value_is_found() -> None:
    assert CARDS.entries["c-1"] == INDEX.find("cards", "c-1", 0)


def test_a_value_that_is_not_listed_is_not_found() -> None:
    assert INDEX.find("cards", "c-2", 0) is None


@pytest.mark.parametrize(("at_us", "expected"), [(999, True), (1000, False), (1001, False)])
def test_an_entry_counts_until_it_expires(at_us: int, expected: bool) -> None:
    assert expected == (INDEX.find("cards", "c-1", at_us) is not None)


def test_an_address_is_found_however_it_is_written() -> None:
    assert INDEX.find("addresses", "2001:DB8:0::1", 0) is not None


@pytest.mark.parametrize("value", ["here", 12.0, None])
def test_what_is_no_value_of_the_field_is_not_listed(value: object) -> None:
    assert INDEX.find("addresses", value, 0) is None


def test_a_list_that_is_not_there_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(KeyError):
        INDEX.find("terminals", "t-1", 0)


def test_two_lists_of_one_name_are_refused() -> None:
    with pytest.raises(ReleaseError, match="Two lists are called cards"):
        ListIndex([CARDS, WatchList("cards", "watch", "card", {})])


def test_an_event_is_matched_by_its_own_fields_in_the_order_of_list_names() -> None:
    fields = {"card": "c-1", "ip": "2001:db8::1", "amount": 5.0}
    assert [m.list.name for m in INDEX.matches(fields, 0)] == ["addresses", "cards"]


def test_absent_fields_match_nothing() -> None:
    assert INDEX.matches({}, 0) == ()
