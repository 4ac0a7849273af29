"""A small stream, made by the same steps as the published one."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from sentinel_pipelines.handbook.generator import StreamParameters, generate_stream
from sentinel_pipelines.handbook.population import draw_customers, draw_terminals

SMALL = StreamParameters(customers=60, terminals=300, radius=10, days=40)


@pytest.fixture(scope="module")
def stream() -> pa.Table:
    return generate_stream(SMALL)


def column(stream: pa.Table, name: str) -> np.ndarray:
    return stream[name].to_numpy()


def test_the_same_parameters_give_the_same_stream(stream):
    assert stream.equals(generate_stream(SMALL))


def test_ids_number_payments_in_order_of_time(stream):
    by_id = stream.sort_by("TRANSACTION_ID")
    assert list(range(stream.num_rows)) == by_id["TRANSACTION_ID"].to_pylist()
    assert (np.diff(column(by_id, "TX_TIME_SECONDS")) >= 0).all()


def test_payments_arrive_in_order_of_time(stream):
    assert (np.diff(column(stream, "TX_TIME_SECONDS")) >= 0).all()


def test_a_moment_is_the_start_and_the_seconds_since(stream):
    since = column(stream, "TX_DATETIME") - np.datetime64("2018-04-01")
    assert column(stream, "TX_TIME_SECONDS").tolist() == (since // np.timedelta64(1, "s")).tolist()


def test_no_payment_falls_on_midnight_and_none_after_the_last_day(stream):
    seconds = column(stream, "TX_TIME_SECONDS")
    assert (seconds % 86_400 > 0).all()
    assert SMALL.days - 1 == seconds.max() // 86_400


def test_customers_pay_within_their_reach(stream):
    places = draw_customers(SMALL.customers).places[column(stream, "CUSTOMER_ID")]
    terminals = draw_terminals(SMALL.terminals)[column(stream, "TERMINAL_ID")]
    assert (np.linalg.norm(places - terminals, axis=1) < SMALL.radius).all()


def test_a_customer_who_reaches_no_terminal_pays_nothing():
    lonely = generate_stream(StreamParameters(customers=5, terminals=1, radius=1e-9, days=5))
    assert lonely.num_rows == 0


def test_the_number_of_payments_follows_the_customers_rates(stream):
    expected = draw_customers(SMALL.customers).payments_per_day.sum() * SMALL.days
    # 3 % of times fall outside the day; the Poisson spread of 5,000 payments is 1.4 %.
    assert pytest.approx(0.97 * expected, rel=0.06) == stream.num_rows


def test_a_payment_is_fraud_exactly_when_it_has_a_scenario(stream):
    frauds, scenarios = column(stream, "TX_FRAUD"), column(stream, "TX_FRAUD_SCENARIO")
    assert (scenarios > 0).astype(int).tolist() == frauds.tolist()
    assert {0, 2, 3} <= set(scenarios.tolist())


def test_every_amount_above_220_is_fraud(stream):
    assert column(stream, "TX_FRAUD")[column(stream, "TX_AMOUNT") > 220].all()


def test_another_start_moves_every_moment_and_nothing_else(stream):
    later = generate_stream(
        StreamParameters(customers=60, terminals=300, radius=10, days=40, start=date(2018, 4, 2))
    )
    assert stream.drop_columns("TX_DATETIME").equals(later.drop_columns("TX_DATETIME"))
    moved = column(later, "TX_DATETIME") - column(stream, "TX_DATETIME")
    assert (moved == np.timedelta64(1, "D")).all()


def test_progress_is_told_up_to_the_end():
    seen = []
    generate_stream(
        StreamParameters(customers=4, terminals=10, radius=50, days=2),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
