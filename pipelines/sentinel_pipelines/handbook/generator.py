"""The whole stream: population, payments, ids, frauds, and the order in which payments arrive.

Generated rows equal the published files in every column; the comparison is a test over the
1,303,778 published rows at hand (2018-04-01 to 08-14). Two unstable sorts are part of the
definition, because both decide between payments of the same second:

- ids number all payments, in customer order, as NumPy's default sort of ``datetime64`` puts them;
- arrival, the order of rows in the published files, is each day's payments in id order, sorted by
  time in the same way. It differs from id order in 3 % of the places, and equals the published
  order in all of them (measured with NumPy 2.4 on x86-64).

Sorting the same moments as integers would take NumPy's vectorised sort, which leaves ties otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa

from sentinel_pipelines.handbook.frauds import (
    mark_compromised_terminals,
    mark_large_amounts,
    mark_leaked_cards,
)
from sentinel_pipelines.handbook.payments import Payments, Progress, draw_payments
from sentinel_pipelines.handbook.population import draw_customers, draw_terminals


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """Size of a stream; the defaults make the published one of 1,754,155 payments.

    Attributes
    ----------
    customers, terminals : how many there are
    radius : a customer pays at terminals nearer than this, on a square of side 100
    start, days : first day and length
    """

    customers: int = 5_000
    terminals: int = 10_000
    radius: float = 5.0
    start: date = date(2018, 4, 1)
    days: int = 183


PUBLISHED_STREAM = StreamParameters()


def generate_stream(
    parameters: StreamParameters = PUBLISHED_STREAM, progress: Progress | None = None
) -> pa.Table:
    """Generate the stream with the published columns, one row per payment, in order of arrival.

    Returns
    -------
    pyarrow.Table
        ``TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT`` (EUR),
        ``TX_TIME_SECONDS, TX_TIME_DAYS`` (since the start), ``TX_FRAUD`` (0 or 1),
        ``TX_FRAUD_SCENARIO`` (0 to 3; never a feature, it tells the label).
    """
    drawn = draw_payments(
        draw_customers(parameters.customers),
        draw_terminals(parameters.terminals),
        radius=parameters.radius,
        days=parameters.days,
        progress=progress,
    )
    payments = drawn.take(np.argsort(_moments(drawn, parameters)))
    scenarios = np.zeros(len(payments), dtype=np.int64)
    mark_large_amounts(payments, scenarios)
    mark_compromised_terminals(payments, scenarios, parameters.terminals)
    mark_leaked_cards(payments, scenarios, parameters.customers)
    return _table(payments, scenarios, parameters)


def _moments(payments: Payments, parameters: StreamParameters) -> np.ndarray:
    """(n,) datetime64[ns] of the payments, without a zone as in the published files."""
    start = np.datetime64(parameters.start, "ns")
    moments: np.ndarray = start + payments.seconds.astype("timedelta64[s]")
    return moments


def _arrival_order(moments: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Rows, given in id order, as they stand in the published files: each day sorted by time."""
    bounds = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    parts = [start + np.argsort(moments[start:stop]) for start, stop in pairwise(bounds)]
    return np.concatenate(parts)


def _table(payments: Payments, scenarios: np.ndarray, parameters: StreamParameters) -> pa.Table:
    moments = _moments(payments, parameters)
    order = _arrival_order(moments, payments.days)
    columns = {
        "TRANSACTION_ID": np.arange(len(payments)),
        "TX_DATETIME": moments,
        "CUSTOMER_ID": payments.customers,
        "TERMINAL_ID": payments.terminals,
        "TX_AMOUNT": payments.amounts,
        "TX_TIME_SECONDS": payments.seconds,
        "TX_TIME_DAYS": payments.days,
        "TX_FRAUD": (scenarios > 0).astype(np.int64),
        "TX_FRAUD_SCENARIO": scenarios,
    }
    return pa.table({name: pa.array(values[order]) for name, values in columns.items()})
