import pyarrow as pa
import pytest

from sentinel_core.errors import InvalidTableError
from sentinel_core.events.labels import FILE_ORDER, Told, labels_by_row
from sentinel_core.events.table import LabelTable, parse_events

NOON = 1_546_344_000_000_000


def events(*ids: str):
    rows = [
        {"id": i, "type": "Transaction", "occurred_at": "2019-01-01T12:00:00Z", "card": "c-1"}
        | {"amount": 1.0, "currency": "EUR"}
        for i in ids
    ]
    return parse_events(pa.Table.from_pylist(rows))


def test_labels_come_by_the_row_of_the_first_arrival_in_the_order_of_the_file():
    labels = LabelTable(["b", "a", "b"], ["fraud", "fraud", "legitimate"], [NOON + 2, NOON, NOON])
    assert labels_by_row(events("a", "b", "b"), labels) == {
        0: [Told("a", NOON, FILE_ORDER + 1, "fraud")],
        1: [
            Told("b", NOON + 2, FILE_ORDER, "fraud"),
            Told("b", NOON, FILE_ORDER + 2, "legitimate"),
        ],
    }


def test_a_label_about_no_event_of_the_table_is_refused_by_its_id():
    with pytest.raises(InvalidTableError) as refused:
        labels_by_row(events("a"), LabelTable(["nobody"], ["fraud"], [NOON]))
    assert [p.message for p in refused.value.problems] == ["nobody is not in the events"]


def test_without_labels_nothing_is_known():
    assert labels_by_row(events("a"), None) == {}
