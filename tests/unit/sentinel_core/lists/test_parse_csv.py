"""Lists from tables."""

from __future__ import annotations

import pytest

from sentinel_core.errors import InvalidDocumentError, TooLargeError
from sentinel_core.events import schema_of
from sentinel_core.lists import Entry, ListHeader, WatchList, parse_csv, table

HEADER = ListHeader(name="cards", kind="Block", field="card")


def parse(text: str, header: ListHeader = HEADER) -> WatchList:
    return parse_csv(text, "cards.csv", header, schema_of("Transaction"))


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidDocumentError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_table_is_the_same_list_as_its_yaml() -> None:
    text = 'value,reason,author,expires\nc-1,"stolen, twice",ana,\n'
    expected = {"c-1": Entry("c-1", None, "ana", "stolen, twice")}
    assert expected == parse(text).entries


def test_columns_stand_in_any_order_and_expires_may_be_left_out() -> None:
    assert list(parse("author,value,reason\nana,c-1,stolen").entries) == ["c-1"]


def test_byte_order_mark_line_ends_of_windows_and_blank_lines_are_read() -> None:
    text = "\ufeffvalue,reason,author,expires\r\n\r\nc-1,stolen,ana,2027-01-01T00:00:00Z\r\n"
    assert list(parse(text).entries) == ["c-1"]


def test_faults_name_the_line() -> None:
    text = "value,reason,author\nc-1,stolen,ana\nc-1,again,ana\nc-2,,ana\nc-3,x\n"
    expected = [
        "cards.csv:3:1: c-1 is listed twice (keep one entry)",
        "cards.csv:4:1: reason is no text (say the reason in words)",
        "cards.csv:5:1: the row has 2 cells, the header has 3 (quote cells that hold commas)",
    ]
    assert expected == problems_of(text)


def test_a_header_names_each_column_once() -> None:
    columns = "value,reason,author,expires"
    hint = "(use each of value, reason, author, expires once)"
    expected = [
        f"cards.csv:1:1: there is no column reason (begin with the line {columns})",
        f"cards.csv:1:1: column 2 is called 'why' {hint}",
        f"cards.csv:1:1: column 4 is called 'value' {hint}",
    ]
    assert expected == problems_of("value,why,author,value\nc-1,stolen,ana,c-1")


def test_an_empty_text_has_no_columns() -> None:
    assert len(problems_of("")) == 3


def test_text_that_is_no_csv_is_refused_at_its_line() -> None:
    (problem,) = problems_of('value,reason,author\nc-1,"open,ana\n')
    assert problem.startswith("cards.csv:2:1: not CSV")


def test_a_field_that_events_lack_is_refused() -> None:
    header = ListHeader(name="cards", kind="Block", field="sender")
    with pytest.raises(InvalidDocumentError, match="no text field sender"):
        parse("value,reason,author\n", header)


def test_more_rows_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ENTRIES", 2)
    rows = "\n".join(f"c-{i},stolen,ana" for i in range(3))
    with pytest.raises(TooLargeError, match="more than 2 rows"):
        parse(f"value,reason,author\n{rows}")


def test_as_many_rows_as_the_limit_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ENTRIES", 3)
    rows = "\n".join(f"c-{i},stolen,ana" for i in range(3))
    assert len(parse(f"value,reason,author\n{rows}").entries) == 3
