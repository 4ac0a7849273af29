"""The three fraud scenarios, laid over genuine payments in this order (Handbook, section 3.2).

Each writes its number into ``scenarios`` (0 = genuine) over what stands there. Payments must be in
order of time, so that the days of a scenario are one slice.
"""

from __future__ import annotations

import random

import numpy as np

from sentinel_pipelines.handbook.payments import Payments

LARGE_AMOUNT_EUR = 220
TERMINALS_PER_DAY = 2
TERMINAL_DAYS = 28
CARDS_PER_DAY = 3
CARD_DAYS = 14
CARD_SHARE = 3
"""One of so many payments of a leaked card is fraud."""
CARD_AMOUNT_FACTOR = 5


def mark_large_amounts(payments: Payments, scenarios: np.ndarray) -> None:
    """Scenario 1: every amount above 220 is fraud, a pattern that any detector must find."""
    scenarios[payments.amounts > LARGE_AMOUNT_EUR] = 1


def mark_compromised_terminals(
    payments: Payments, scenarios: np.ndarray, terminal_count: int
) -> None:
    """Scenario 2: two terminals a day turn, and all their payments of 28 days are fraud."""
    days = payments.days
    for day in _starting_days(days):
        drawn = _sample(terminal_count, TERMINALS_PER_DAY, day)
        scenarios[_rows_within(payments.terminals, drawn, days, day, TERMINAL_DAYS)] = 2


def mark_leaked_cards(payments: Payments, scenarios: np.ndarray, customer_count: int) -> None:
    """Scenario 3: three cards a day leak; a third of their payments of 14 days is fraud.

    Amounts of these payments are multiplied by 5 in place, once for every time that they are hit.
    """
    days = payments.days
    for day in _starting_days(days):
        drawn = _sample(customer_count, CARDS_PER_DAY, day)
        rows = _rows_within(payments.customers, drawn, days, day, CARD_DAYS).tolist()
        # Python's generator is in the definition of the stream; nothing here is a secret.
        hit = random.Random(day).sample(rows, k=len(rows) // CARD_SHARE)  # noqa: S311  # nosec B311
        payments.amounts[hit] *= CARD_AMOUNT_FACTOR
        scenarios[hit] = 3


def _starting_days(days: np.ndarray) -> range:
    """Days on which a scenario may start: all but the last."""
    return range(int(days[-1])) if len(days) else range(0)


def _sample(population: int, size: int, day: int) -> np.ndarray:
    """Sample ids as ``pandas.Series.sample(n=size, random_state=day)`` does over a whole table."""
    return np.random.RandomState(day).choice(population, size=size, replace=False)


def _rows_within(
    ids: np.ndarray, wanted: np.ndarray, days: np.ndarray, first_day: int, length_days: int
) -> np.ndarray:
    """Rows of the wanted ids from ``first_day`` on, ``length_days`` long, ascending."""
    start, stop = np.searchsorted(days, [first_day, first_day + length_days])
    rows: np.ndarray = start + np.flatnonzero(np.isin(ids[start:stop], wanted))
    return rows
