"""The generated stream against the published one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentinel_core.events.table import parse_events, parse_labels
from sentinel_pipelines.handbook.frauds import (
    mark_compromised_terminals,
    mark_large_amounts,
    mark_leaked_cards,
)
from sentinel_pipelines.handbook.generator import PUBLISHED_STREAM
from sentinel_pipelines.handbook.payments import Payments, draw_payments
from sentinel_pipelines.handbook.population import draw_customers, draw_terminals
from sentinel_pipelines.handbook.tables import build_events, build_labels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(data) -> pa.Table:
    return pq.read_table(
        data / "transactions" / "handbook_raw_2018-04-01_2018-08-14.parquet"
    ).replace_schema_metadata(None)


def test_the_stream_has_the_published_totals(stream):
    assert stream.num_rows == 1_754_155
    counts = np.bincount(stream["TX_FRAUD_SCENARIO"].to_numpy())
    assert counts.tolist() == [1_739_474, 973, 9_077, 4_631]


def test_each_scenario_adds_the_published_number_of_frauds():
    size = PUBLISHED_STREAM
    payments = _genuine_payments()
    scenarios = np.zeros(len(payments), dtype=np.int64)
    totals = [0]
    mark_large_amounts(payments, scenarios)
    totals.append(np.count_nonzero(scenarios))
    mark_compromised_terminals(payments, scenarios, size.terminals)
    totals.append(np.count_nonzero(scenarios))
    mark_leaked_cards(payments, scenarios, size.customers)
    totals.append(np.count_nonzero(scenarios))
    assert np.diff(totals).tolist() == [978, 9_099, 4_604]


def test_every_column_equals_the_published_one_joined_on_the_id(stream, published):
    theirs = published.sort_by("TRANSACTION_ID")
    ours = stream.sort_by("TRANSACTION_ID").slice(0, theirs.num_rows)
    assert ours.equals(theirs)


def test_payments_arrive_in_the_order_of_the_published_rows(stream, published):
    assert stream.slice(0, published.num_rows).equals(published)


def test_sentinel_accepts_the_whole_stream_and_its_labels(stream):
    assert stream.num_rows == len(parse_events(build_events(stream)))
    assert len(parse_labels(build_labels(stream)).event_ids) == 14_681


def _genuine_payments() -> Payments:
    size = PUBLISHED_STREAM
    drawn = draw_payments(
        draw_customers(size.customers),
        draw_terminals(size.terminals),
        radius=size.radius,
        days=size.days,
    )
    return drawn.take(np.argsort(drawn.seconds.astype("datetime64[s]")))
