"""Lists written by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sentinel_core.clock import to_us
from sentinel_core.errors import InvalidDocumentError
from sentinel_core.events import schema_of
from sentinel_core.ids import canonical_json
from sentinel_core.lists import Entry, WatchList, parse_list, parse_plain
from sentinel_core.located import load_yaml

TRANSACTION = schema_of("Transaction")
EXPIRES_US = to_us(datetime(2027, 1, 1, tzinfo=UTC))

GOOD = """
name: known-bad-cards
kind: Block
field: card
entries:
  - {value: c-2, reason: chargeback, author: ana}
  - {value: c-1, reason: stolen, author: bo, expires: 2027-01-01T00:00:00Z}
"""


def parse(text: str) -> WatchList:
    return parse_list(load_yaml(text, "list.yaml"), TRANSACTION)


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidDocumentError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def listed(entry: str, field: str = "card") -> str:
    return f"name: a\nkind: Watch\nfield: {field}\nentries:\n  - {entry}\n"


def test_a_list_keeps_who_why_and_until_when() -> None:
    expected = {
        "c-1": Entry("c-1", EXPIRES_US, "bo", "stolen"),
        "c-2": Entry("c-2", None, "ana", "chargeback"),
    }
    assert expected == parse(GOOD).entries


def test_only_a_trust_list_has_a_cap_and_it_is_20_by_default() -> None:
    assert (parse(GOOD).cap, parse(GOOD.replace("Block", "Trust")).cap) == (None, 20.0)


def test_a_trust_list_may_give_its_cap() -> None:
    assert parse(GOOD.replace("kind: Block", "kind: Trust\ncap: 35")).cap == 35.0


def test_a_cap_on_another_list_is_refused() -> None:
    expected = [
        "list.yaml:2:1: the document: cap goes with kind: Trust, not with Block (correct it)"
    ]
    assert expected == problems_of(GOOD.replace("kind: Block", "kind: Block\ncap: 35"))


def test_the_digest_does_not_depend_on_the_order_of_entries() -> None:
    head, first, second = GOOD.rstrip().rsplit("\n", 2)
    assert parse(GOOD).digest == parse(f"{head}\n{second}\n{first}").digest


def test_the_digest_changes_with_a_reason() -> None:
    assert parse(GOOD).digest != parse(GOOD.replace("stolen", "lost")).digest


@pytest.mark.parametrize("kind", ["Block", "Watch", "Trust"])
def test_the_plain_form_reads_back_as_the_same_list(kind: str) -> None:
    expected = parse(GOOD.replace("Block", kind))
    assert expected == parse_plain(json.loads(canonical_json(expected.plain())))


def test_all_faults_come_at_once_each_at_its_place() -> None:
    text = """
name: a
kind: Watch
field: country
entries:
  - {value: KP, reason: x, author: me}
  - {value: kp, reason: x, author: me}
  - {value: 12, reason: "", author: me, expires: 2027-01-01}
  - {value: KP, reason: x, author: me, until: 1}
  - KP
"""
    refusal = "String should match pattern '^[A-Z]{2}$'"
    example = "write a time with its zone, such as 2027-01-01T00:00:00Z"
    expected = [
        f"list.yaml:7:6: value: {refusal} (write a country as events carry it)",
        "list.yaml:8:6: value is the number 12 (put it in quotes)",
        "list.yaml:8:17: reason is no text (say the reason in words)",
        f"list.yaml:8:41: expires cannot be '2027-01-01' ({example})",
        "list.yaml:9:40: an entry has no until (use value, reason, author, expires)",
        "list.yaml:9:6: KP is listed twice (keep one entry)",
        "list.yaml:10:5: an entry is a mapping (write {value: ..., reason: ...})",
    ]
    assert expected == problems_of(text)


def test_a_list_of_a_field_that_events_lack_is_refused() -> None:
    expected = (
        "list.yaml:3:1: Transaction has no text field amount; it has account, card, channel, "
        "country, currency, device, ip, mcc, merchant, terminal (list one of these)"
    )
    assert expected in problems_of(listed("{value: x, reason: r, author: a}", "amount"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channel", "fax"),
        ("currency", "eur"),
        ("ip", "here"),
        ("card", '"c-1 "'),
        ("card", '""'),
        ("card", '"a\\nb"'),
        ("card", "c" * 129),
        ("card", "true"),
        ("card", "[c-1]"),
    ],
)
def test_a_value_that_no_event_can_have_is_refused(field: str, value: str) -> None:
    problems = problems_of(listed(f"{{value: {value}, reason: r, author: a}}", field))
    assert [p[:13] for p in problems] == ["list.yaml:5:6"]


@pytest.mark.parametrize("key", ["value", "reason", "author"])
def test_an_entry_needs_value_reason_and_author(key: str) -> None:
    given = {"value": "c", "reason": "r", "author": "a"}
    del given[key]
    assert len(problems_of(listed(json.dumps(given)))) == 1


@pytest.mark.parametrize(
    "expires", ["2027-01-01T00:00:00", "soon", "12", "9999-12-31T23:59:59-01:00"]
)
def test_an_expiry_that_is_no_time_with_a_zone_is_refused(expires: str) -> None:
    entry = f"{{value: c, reason: r, author: a, expires: {expires}}}"
    assert len(problems_of(listed(entry))) == 1


def test_addresses_are_listed_in_their_shortest_form() -> None:
    text = listed('{value: "2001:DB8:0:0::1", reason: r, author: a}', "ip")
    assert list(parse(text).entries) == ["2001:db8::1"]


def test_two_ways_to_write_one_address_are_one_entry_given_twice() -> None:
    entries = '{value: "::1", reason: r, author: a}\n  - {value: "0::1", reason: r, author: a}'
    assert problems_of(listed(entries, "ip")) == [
        "list.yaml:6:6: 0::1 is listed twice (keep one entry)"
    ]


@pytest.mark.parametrize("text", ["- 1", "name: a\nkind: Watch\nfield: card", "entries: 3"])
def test_a_document_without_a_list_is_refused(text: str) -> None:
    assert problems_of(text)


def test_of_many_faults_the_first_hundred_are_named_and_all_are_counted() -> None:
    text = listed("\n  - ".join(["{value: c}"] * 120))
    with pytest.raises(
        InvalidDocumentError, match="240 problems and shows the first 100"
    ) as caught:
        parse(text)
    assert len(caught.value.problems) == 100


def test_without_a_type_of_event_any_field_may_be_listed() -> None:
    text = listed("{value: x, reason: r, author: a}", "sender")
    assert parse_list(load_yaml(text, "list.yaml")).field == "sender"
