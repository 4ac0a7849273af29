"""Files of events and labels: one content whatever the format, and each fault at its cell."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from sentinel_core.errors import InvalidTableError
from sentinel_core.events.files import read_table
from sentinel_core.events.table import EventTable, parse_events, parse_labels
from tests.support.pipelines import NOW_US

ROWS = [
    {
        "id": "007",
        "type": "Transaction",
        "occurred_at": "2018-08-29T12:00:00Z",
        "card": "0012",
        "terminal": "NA",
        "amount": 10.5,
        "currency": "EUR",
        "country": "NO",
        "mcc": "0742",
        "V1": 1.0,
        "V2": -2.5,
    },
    {
        "id": "2018-01-01",
        "type": "Transaction",
        "occurred_at": "2018-08-29T12:00:00.000001Z",
        "card": "null",
        "terminal": None,
        "amount": 285.79999999999995,
        "currency": "EUR",
        "country": "NA",
        "mcc": None,
        "V1": None,
        "V2": None,
    },
]


def write(folder, ending, rows):
    path = folder / f"events.{ending}"
    if ending == "ndjson":
        present = [{k: v for k, v in row.items() if v is not None} for row in rows]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in present))
    elif ending == "csv":
        names = list(rows[0])
        lines = [",".join("" if row[n] is None else str(row[n]) for n in names) for row in rows]
        path.write_text("\n".join([",".join(names), *lines]) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def columns_of(table: EventTable):
    filled = {n: v for n, v in table.columns.items() if any(x is not None for x in v)}
    return table.ids, table.occurred_at_us.tolist(), filled


def table_of(rows=ROWS, **columns):
    table = pa.Table.from_pylist(rows)
    for name, values in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        if values is not None:
            table = table.append_column(name, values if isinstance(values, pa.Array) else [values])
    return table


def faults(table, parse=parse_events):
    with pytest.raises(InvalidTableError) as caught:
        parse(table)
    return [(p.location, p.message) for p in caught.value.problems]


@pytest.mark.parametrize("ending", ["parquet", "csv", "ndjson"])
def test_every_format_gives_the_same_table(tmp_path, ending):
    table = parse_events(read_table(write(tmp_path, ending, ROWS)))
    assert columns_of(table) == (
        ["007", "2018-01-01"],
        [NOW_US, NOW_US + 1],
        {
            "card": ["0012", "null"],
            "terminal": ["NA", None],
            "amount": [10.5, 285.8],
            "currency": ["EUR", "EUR"],
            "country": ["NO", "NA"],
            "mcc": ["0742", None],
            "vector": [(1.0, -2.5), None],
        },
    )


def test_the_events_of_a_table_are_those_of_its_rows():
    first, second = parse_events(table_of()).events("default")
    assert (first.id, first.entities, first.received_at_us) == (
        "007",
        {"card": "0012", "terminal": "NA"},
        NOW_US,
    )
    assert first.payload.vector == (1.0, -2.5)
    assert second.fields == {"card": "null", "amount": 285.8, "currency": "EUR", "country": "NA"}


def test_a_csv_with_quotes_and_a_byte_order_mark_reads_the_same(tmp_path):
    path = write(tmp_path, "csv", ROWS)
    quoted = path.read_text().replace("007", '"007"').replace("id,type", '"id","type"')
    path.write_text(f"\ufeff{quoted}")
    assert parse_events(read_table(path)).ids == ["007", "2018-01-01"]


def test_a_column_that_turns_to_decimals_late_in_a_long_csv_is_read(tmp_path):
    count = 60_000  # longer than the blocks in which a CSV is read
    rows = [ROWS[0] | {"id": f"e{i}", "amount": 10} for i in range(count)]
    rows[-1]["amount"] = 10.25
    table = parse_events(read_table(write(tmp_path, "csv", rows)))
    assert table.columns["amount"][-2:] == [10.0, 10.25]


@pytest.mark.parametrize("text", ["2018-08-29T12:00:00", "2018-08-29 12:00:00"])
def test_a_time_without_a_zone_is_utc(text):
    rows = [ROWS[0] | {"occurred_at": text}]
    assert parse_events(table_of(rows)).occurred_at_us.tolist() == [NOW_US]


def test_naive_times_of_a_parquet_file_are_utc():
    naive = pa.array([NOW_US, NOW_US], pa.timestamp("us"))
    assert parse_events(table_of(occurred_at=naive)).occurred_at_us.tolist() == [NOW_US] * 2


def test_times_of_another_zone_are_turned_to_utc():
    rows = [ROWS[0] | {"occurred_at": "2018-08-29T14:00:00+02:00"}]
    zoned = pa.array([NOW_US, NOW_US], pa.timestamp("us", tz="Europe/Oslo"))
    assert parse_events(table_of(rows)).occurred_at_us.tolist() == [NOW_US]
    assert parse_events(table_of(occurred_at=zoned)).occurred_at_us.tolist() == [NOW_US] * 2


def test_nanoseconds_that_are_whole_microseconds_are_taken():
    fine = pa.array([NOW_US * 1000] * 2, pa.timestamp("ns", tz="UTC"))
    assert parse_events(table_of(occurred_at=fine)).occurred_at_us.tolist() == [NOW_US] * 2


def test_whole_numbers_are_taken_as_ids():
    table = parse_events(table_of(card=pa.array([7, None])))
    assert table.columns["card"] == ["7", None]


def test_categories_are_taken_as_text():
    table = parse_events(table_of(card=pa.array(["a", "b"]).dictionary_encode()))
    assert table.columns["card"] == ["a", "b"]


def test_a_repeated_row_is_the_same_event():
    table = parse_events(table_of([*ROWS, ROWS[0]]))
    assert table.first is not None
    assert (len(table), table.first.tolist()) == (3, [0, 1, 0])


def test_where_every_id_is_there_once_nothing_is_kept_of_it():
    assert parse_events(table_of()).first is None


TIME_FAULT = "is no time such as 2018-08-29T12:00:00Z, or finer than a microsecond"
NS = pa.timestamp("ns", tz="UTC")
REFUSED = {
    "no column id": (table_of(id=None), ("column id", "is missing")),
    "no column type": (table_of(type=None), ("column type", "is missing")),
    "no column occurred_at": (table_of(occurred_at=None), ("column occurred_at", "is missing")),
    "no column amount": (table_of(amount=None), ("column amount", "is missing")),
    "no column currency": (table_of(currency=None), ("column currency", "is missing")),
    "a column twice": (
        pa.table([*table_of().columns, pa.array(["a", "b"])], [*table_of().column_names, "card"]),
        ("column card", "is there twice"),
    ),
    "an unknown column": (
        table_of(color=["red", "red"]),
        ("column color", "is not a field of the event"),
    ),
    "no rows": (table_of().slice(0, 0), ("the table", "has no rows")),
    "an unknown type": (table_of(type=["Refund"] * 2), ("column type", "holds Refund")),
    "two types": (
        table_of(type=["Transaction", "Login"]),
        ("column type", "holds Transaction, Login"),
    ),
    "an empty id": (table_of(id=["a", None]), ("row 2, id", "is empty")),
    "an id with a space": (
        table_of(id=["a", "b c"]),
        ("row 2, id", "String should match pattern '^[!-~]+$'"),
    ),
    "another body under an id": (
        table_of([ROWS[0], ROWS[1], ROWS[0] | {"amount": 11.0}]),
        ("row 3, id", "came before with another body"),
    ),
    "an empty time": (
        table_of(occurred_at=["2018-08-29T12:00:00Z", None]),
        ("row 2, occurred_at", "is empty"),
    ),
    "a time that is none": (
        table_of(occurred_at=["2018-08-29T12:00:00Z", "today"]),
        ("row 2, occurred_at", TIME_FAULT),
    ),
    "nanoseconds in text": (
        table_of(occurred_at=["2018-08-29T12:00:00.123456789Z", "2018-08-29T12:00:00Z"]),
        ("row 1, occurred_at", TIME_FAULT),
    ),
    "nanoseconds": (
        table_of(occurred_at=pa.array([NOW_US * 1000, NOW_US * 1000 + 1], NS)),
        ("row 2, occurred_at", TIME_FAULT),
    ),
    "times as numbers": (
        table_of(occurred_at=pa.array([1_535_544_000] * 2)),
        ("column occurred_at", "holds values of type int64"),
    ),
    "a time before 2000": (
        table_of(occurred_at=["1999-12-31T23:59:59Z", "2018-08-29T12:00:00Z"]),
        ("row 1, occurred_at", "lies before the year 2000"),
    ),
    "a time that RFC 3339 cannot write": (
        table_of(occurred_at=pa.array([NOW_US, 2**60], pa.timestamp("us"))),
        ("row 2, occurred_at", "lies after the year 9999"),
    ),
    "an amount in words": (table_of(amount=["1", "ten"]), ("row 2, amount", "is not a number")),
    "an empty amount": (table_of(amount=[1.0, None]), ("row 2, amount", "is empty")),
    "NaN": (table_of(amount=[1.0, np.nan]), ("row 2, amount", "is not a finite number")),
    "infinity": (table_of(amount=["1", "inf"]), ("row 2, amount", "is not a finite number")),
    "an amount below zero": (
        table_of(amount=[-0.01, 1.0]),
        ("row 1, amount", "is not within 0 and 10^11"),
    ),
    "an amount of 10^11": (
        table_of(amount=[1e11, 1.0]),
        ("row 1, amount", "is not within 0 and 10^11"),
    ),
    "three decimals of euro": (
        table_of(amount=[1.0, 1.005]),
        ("row 2, amount", "has more than 2 decimals"),
    ),
    "decimals of yen": (
        table_of(amount=[1.5, 1.5], currency=["EUR", "JPY"]),
        ("row 2, amount", "has more than 0 decimals"),
    ),
    "an unknown currency": (
        table_of(currency=["EUR", "eur"]),
        ("row 2, currency", "not an active ISO 4217 code, such as EUR"),
    ),
    "an empty currency": (table_of(currency=["EUR", None]), ("row 2, currency", "is empty")),
    "a country in words": (
        table_of(country=["SE", "Sweden"]),
        ("row 2, country", "String should match pattern '^[A-Z]{2}$'"),
    ),
    "an MCC of three digits": (
        table_of(mcc=["742", "0742"]),
        ("row 1, mcc", "String should match pattern '^[0-9]{4}$'"),
    ),
    "an unknown channel": (
        table_of(channel=["chip", "pigeon"]),
        (
            "row 2, channel",
            (
                "Input should be 'chip', 'contactless', 'stripe', 'ecommerce', 'moto', 'atm' or "
                "'recurring'"
            ),
        ),
    ),
    "an empty entity": (
        table_of(card=["", "b"]),
        ("row 1, card", "String should have at least 1 character"),
    ),
    "a card number": (
        table_of(card=["a", "4111111111111111"]),
        ("row 2, card", "looks like a card number; send a token for it"),
    ),
    "an address that is none": (
        table_of(ip=["192.0.2.1", "somewhere"]),
        ("row 2, ip", "is no IPv4 or IPv6 address"),
    ),
    "entities as floats": (
        table_of(card=[7.0, None]),
        ("column card", "holds values of type double"),
    ),
    "a latitude of 91": (
        table_of(lat=[91.0, 1.0], lon=[1.0, 1.0]),
        ("row 1, lat", "Input should be less than or equal to 90"),
    ),
    "a latitude alone": (
        table_of(lat=[1.0, None], lon=[None, None]),
        ("row 1, lat", "and lon come together or not at all"),
    ),
    "a gap in the vector": (
        table_of(V3=[None, 1.0]),
        ("row 1, V3", "is empty where others of the row are not"),
    ),
    "a vector column left out": (
        table_of(V2=None, V3=[1.0, None]),
        ("columns V1, V2 ...", "are not in order"),
    ),
    "a vector in one column": (
        table_of(vector=pa.array([[1.0], [2.0]])),
        ("column vector", "stands in one column"),
    ),
    "true as amount": (
        table_of(amount=[True, True]),
        ("column amount", "holds values of type bool"),
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_fault_is_named_by_row_and_column(case):
    table, expected = case
    assert expected in faults(table)


def test_no_more_than_64_vector_columns_are_taken():
    table = pa.Table.from_pylist([ROWS[0] | {f"V{i}": 1.0 for i in range(1, 66)}])
    expected = "Tuple should have at most 64 items after validation, not 65"
    assert [("row 1, vector", expected)] == faults(table)


def test_the_first_twenty_faults_are_listed_and_all_are_counted():
    rows = [ROWS[0] | {"id": f"e{i}", "currency": "X"} for i in range(30)]
    with pytest.raises(InvalidTableError) as caught:
        parse_events(table_of(rows))
    assert len(caught.value.problems) == 20
    assert caught.value.message == "The table of 30 rows has 30 faults; the first are:"


def test_a_fault_among_very_many_rows_is_found():
    rows = [ROWS[0] | {"id": f"e{i}"} for i in range(5_000)]
    rows[4_321]["amount"] = "x"
    for row in rows:
        row["amount"] = str(row["amount"])
    assert faults(table_of(rows)) == [("row 4322, amount", "is not a number")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("events.csv", "id,type\na,Transaction,extra\n"),
        ("events.csv", ""),
        ("events.ndjson", '{"id": \n'),
        ("events.ndjson", '{"id": 7}\n'),
        ("events.ndjson", '{"id": "a", "amount": "10"}\n'),
        ("events.parquet", "PAR1"),
        ("events.xlsx", "x"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidTableError, match=rf"^{name} "):
        read_table(tmp_path / name)


LABELS = [
    {"event_id": "007", "label": "fraud", "known_at": "2018-08-30T12:00:00Z"},
    {"event_id": "b", "label": "legitimate", "known_at": "2018-08-29T12:00:00"},
]


@pytest.mark.parametrize("ending", ["parquet", "csv", "ndjson"])
def test_labels_are_read_from_every_format(tmp_path, ending):
    labels = parse_labels(read_table(write(tmp_path, ending, LABELS)))
    assert (labels.event_ids, labels.labels, labels.known_at_us) == (
        ["007", "b"],
        ["fraud", "legitimate"],
        [NOW_US + 86_400_000_000, NOW_US],
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"label": "escalated"}, ("row 2, label", "is not one of fraud, legitimate")),
        ({"label": None}, ("row 2, label", "is not one of fraud, legitimate")),
        ({"event_id": None}, ("row 2, event_id", "is empty")),
        ({"known_at": "soon"}, ("row 2, known_at", TIME_FAULT)),
        ({"known_at": None}, ("row 2, known_at", "is empty")),
    ],
)
def test_a_fault_of_a_label_is_named_by_row_and_column(changed, expected):
    table = pa.Table.from_pylist([LABELS[0], LABELS[1] | changed])
    assert [expected] == faults(table, parse_labels)


def test_a_missing_column_of_labels_is_named():
    table = pa.Table.from_pylist(LABELS).drop_columns(["known_at"])
    assert faults(table, parse_labels) == [("column known_at", "is missing")]
