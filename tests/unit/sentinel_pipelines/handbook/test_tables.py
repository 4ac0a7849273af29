"""The stream as Sentinel's own tables."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from sentinel_core.events.table import parse_events, parse_labels
from sentinel_pipelines.handbook.generator import StreamParameters, generate_stream
from sentinel_pipelines.handbook.tables import build_events, build_labels


@pytest.fixture(scope="module")
def stream() -> pa.Table:
    return generate_stream(StreamParameters(customers=60, terminals=300, radius=10, days=40))


def test_the_events_are_what_sentinel_accepts(stream):
    events = parse_events(build_events(stream))
    assert stream["TRANSACTION_ID"].to_pylist() == [int(i) for i in events.ids]
    assert events.first is None


def test_an_event_names_the_card_and_the_terminal_of_its_payment(stream):
    events = build_events(stream)
    assert [str(c) for c in stream["CUSTOMER_ID"].to_pylist()] == events["card"].to_pylist()
    assert [str(t) for t in stream["TERMINAL_ID"].to_pylist()] == events["terminal"].to_pylist()


def test_amounts_are_whole_cents_though_leaked_cards_multiply_them(stream):
    amounts = stream["TX_AMOUNT"].to_pylist()
    assert [round(a, 2) for a in amounts] == build_events(stream)["amount"].to_pylist()
    assert any(round(a, 2) != a for a in amounts)


def test_events_carry_columns_of_the_promised_types(stream):
    schema = build_events(stream).schema
    assert schema.names == ["id", "type", "occurred_at", "card", "terminal", "amount", "currency"]
    assert pa.timestamp("us", tz="UTC") == schema.field("occurred_at").type
    assert pa.float64() == schema.field("amount").type


def test_frauds_and_only_frauds_are_labelled(stream):
    labels = parse_labels(build_labels(stream))
    rows = stream.select(["TRANSACTION_ID", "TX_FRAUD"]).to_pylist()
    assert [str(r["TRANSACTION_ID"]) for r in rows if r["TX_FRAUD"]] == labels.event_ids
    assert {"fraud"} == set(labels.labels)


def test_a_fraud_is_known_seven_days_after_its_payment(stream):
    paid = {e["id"]: e["occurred_at"] for e in build_events(stream).to_pylist()}
    labels = build_labels(stream).to_pylist()
    assert {timedelta(days=7)} == {r["known_at"] - paid[r["event_id"]] for r in labels}
