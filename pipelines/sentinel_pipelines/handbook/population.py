"""Who pays and where: customers, terminals, and which terminals a customer can reach.

Every draw comes from NumPy's legacy generator, whose streams are frozen by NumPy's compatibility
policy; the order of draws is part of the definition (Handbook, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CUSTOMER_SEED = 0
TERMINAL_SEED = 1
SIDE = 100.0
"""Length of the square on which customers and terminals stand, in the Handbook's own unit."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Spending habits, by customer id 0..n-1.

    Attributes
    ----------
    places : (n, 2) x and y, each in [0, 100)
    mean_amounts : (n,) EUR, in [5, 100); the standard deviation is half of it
    payments_per_day : (n,) rate of a Poisson count, in [0, 4)
    """

    places: np.ndarray
    mean_amounts: np.ndarray
    payments_per_day: np.ndarray


def draw_customers(count: int) -> Customers:
    """Draw customers: per customer x, y, mean amount, payments per day, in this order."""
    uniforms = np.random.RandomState(CUSTOMER_SEED).random_sample((count, 4))
    return Customers(
        places=SIDE * uniforms[:, :2],
        mean_amounts=5 + (100.0 - 5) * uniforms[:, 2],
        payments_per_day=4.0 * uniforms[:, 3],
    )


def draw_terminals(count: int) -> np.ndarray:
    """Draw the places of terminals: (count, 2) x and y in [0, 100), by terminal id."""
    return SIDE * np.random.RandomState(TERMINAL_SEED).random_sample((count, 2))


def reachable(place: np.ndarray, terminals: np.ndarray, radius: float) -> list[int]:
    """List the terminals nearer than ``radius`` (Euclidean) to a place, in the order of their ids."""
    distances = np.sqrt(np.square(place - terminals).sum(axis=1))
    return np.flatnonzero(distances < radius).tolist()
