"""The three scenarios over payments made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel_pipelines.handbook.frauds import (
    _sample,
    mark_compromised_terminals,
    mark_large_amounts,
    mark_leaked_cards,
)
from sentinel_pipelines.handbook.payments import DAY_SECONDS, Payments

DAYS = 60


def payments_of(*, customers: int, terminals: int, days: int = DAYS) -> Payments:
    """One payment of 10 EUR a day by every customer, customer c at terminal c modulo terminals."""
    day, customer = (part.ravel() for part in np.mgrid[:days, :customers])
    return Payments(
        seconds=day * DAY_SECONDS + 1 + customer,
        customers=customer,
        terminals=customer % terminals,
        amounts=np.full(days * customers, 10.0),
    )


def clean(payments: Payments) -> np.ndarray:
    return np.zeros(len(payments), dtype=np.int64)


def test_an_amount_of_exactly_220_is_genuine():
    payments = payments_of(customers=3, terminals=3, days=1)
    payments.amounts[:] = [220.0, 220.01, 10.0]
    scenarios = clean(payments)
    mark_large_amounts(payments, scenarios)
    assert scenarios.tolist() == [0, 1, 0]


# What pandas 3.1 gives for pd.Series(range(population)).sample(size, random_state=day).
@pytest.mark.parametrize(
    ("population", "size", "day", "expected"),
    [
        (10_000, 2, 0, [9394, 898]),
        (10_000, 2, 181, [8036, 7289]),
        (5_000, 3, 1, [2764, 4767, 3814]),
    ],
)
def test_ids_are_sampled_as_pandas_samples_them(population, size, day, expected):
    assert expected == _sample(population, size, day).tolist()


def test_all_payments_of_a_compromised_terminal_are_fraud_for_28_days():
    terminals = 10_000  # so many that hardly one is drawn twice in 60 days
    payments = payments_of(customers=terminals, terminals=terminals, days=DAYS)
    scenarios = clean(payments)
    mark_compromised_terminals(payments, scenarios, terminals)
    hit = payments.days[(payments.terminals == 9394) & (scenarios == 2)]
    assert list(range(28)) == hit.tolist()


def test_the_last_day_compromises_no_terminal():
    payments = payments_of(customers=10_000, terminals=10_000, days=1)
    scenarios = clean(payments)
    mark_compromised_terminals(payments, scenarios, 10_000)
    assert not scenarios.any()


def test_a_compromised_terminal_takes_over_from_a_large_amount():
    payments = payments_of(customers=2, terminals=2, days=2)
    scenarios = np.ones(len(payments), dtype=np.int64)
    mark_compromised_terminals(payments, scenarios, 2)
    assert scenarios.tolist() == [2, 2, 2, 2]


def test_a_third_of_the_payments_of_leaked_cards_is_fraud_rounded_down():
    payments = payments_of(customers=3, terminals=3, days=2)
    payments = payments.take(np.arange(5))
    scenarios = clean(payments)
    mark_leaked_cards(payments, scenarios, 3)
    assert int((scenarios == 3).sum()) == 1


def test_the_fraud_of_a_leaked_card_costs_five_times_as_much_and_the_rest_stays():
    payments = payments_of(customers=3, terminals=3, days=2)
    scenarios = clean(payments)
    mark_leaked_cards(payments, scenarios, 3)
    assert np.where(scenarios == 3, 50.0, 10.0).tolist() == payments.amounts.tolist()


def test_a_payment_hit_again_is_multiplied_again():
    payments = payments_of(customers=3, terminals=3, days=30)
    mark_leaked_cards(payments, clean(payments), 3)
    assert {10.0, 50.0, 250.0} <= set(payments.amounts.tolist())


def test_a_stream_without_payments_has_no_frauds():
    payments = payments_of(customers=3, terminals=3, days=0)
    scenarios = clean(payments)
    mark_compromised_terminals(payments, scenarios, 3)
    mark_leaked_cards(payments, scenarios, 3)
    assert scenarios.tolist() == []
