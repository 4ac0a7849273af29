"""Genuine payments: when, where and how much each customer pays (Handbook, section 3.2)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentinel_pipelines.handbook.population import Customers, reachable

Progress = Callable[[int, int], None]
"""Called with customers done and customers in all, about a hundred times."""

DAY_SECONDS = 86_400
NOON_SECONDS = DAY_SECONDS // 2
SPREAD_SECONDS = 20_000
"""Standard deviation of the time of day around noon."""


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments by column.

    Attributes
    ----------
    seconds : (n,) int64 seconds since the start of the stream
    customers, terminals : (n,) int64 ids
    amounts : (n,) float64 EUR
    """

    seconds: np.ndarray
    customers: np.ndarray
    terminals: np.ndarray
    amounts: np.ndarray

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def days(self) -> np.ndarray:
        """(n,) int64 days since the start of the stream."""
        return self.seconds // DAY_SECONDS

    def take(self, rows: np.ndarray) -> Payments:
        """Return these rows in the order they are named."""
        return Payments(
            self.seconds[rows], self.customers[rows], self.terminals[rows], self.amounts[rows]
        )


def draw_payments(
    customers: Customers,
    terminals: np.ndarray,
    *,
    radius: float,
    days: int,
    progress: Progress | None = None,
) -> Payments:
    """Draw the payments of every customer, in customer order and as drawn within a customer.

    Parameters
    ----------
    terminals : (m, 2) places, by terminal id
    radius : float
        A customer pays only at terminals nearer than this.
    days : int
        Length of the stream.
    """
    total = len(customers.mean_amounts)
    step = max(total // 100, 1)
    seconds: list[int] = []
    amounts: list[float] = []
    places: list[int] = []
    counts: list[int] = []
    for customer in range(total):
        if progress and customer % step == 0:
            progress(customer, total)
        near = reachable(customers.places[customer], terminals, radius)
        before = len(seconds)
        if near:
            _draw_customer(customer, customers, near, days, (seconds, amounts, places))
        counts.append(len(seconds) - before)
    if progress:
        progress(total, total)
    return Payments(
        seconds=np.array(seconds, dtype=np.int64),
        customers=np.repeat(np.arange(total, dtype=np.int64), counts),
        terminals=np.array(places, dtype=np.int64),
        amounts=np.round(np.array(amounts, dtype=np.float64), 2),
    )


def _draw_customer(
    customer: int,
    customers: Customers,
    near: list[int],
    days: int,
    into: tuple[list[int], list[float], list[int]],
) -> None:
    """Append one customer's payments; both generators are seeded with the customer's id.

    A normal is written as ``loc + scale * standard_normal()``, which is how NumPy computes it: the
    call without parameters skips their validation, which takes half of the time.
    """
    seconds, amounts, places = into
    numbers = np.random.RandomState(customer)
    poisson, normal = numbers.poisson, numbers.standard_normal
    # Python's generator is in the definition of the stream; nothing here is a secret.
    choice = random.Random(customer).choice  # noqa: S311  # nosec B311
    mean = float(customers.mean_amounts[customer])
    rate = float(customers.payments_per_day[customer])
    for midnight in range(0, days * DAY_SECONDS, DAY_SECONDS):
        for _ in range(poisson(rate)):
            second = int(NOON_SECONDS + SPREAD_SECONDS * normal())
            if not 0 < second < DAY_SECONDS:
                continue  # outside the day: dropped, and no amount is drawn for it
            amount = mean + mean / 2 * normal()
            if amount < 0:
                amount = numbers.uniform(0, 2 * mean)
            seconds.append(midnight + second)
            amounts.append(amount)
            places.append(choice(near))
