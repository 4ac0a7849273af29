"""Customers, terminals and reach."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel_pipelines.handbook.population import draw_customers, draw_terminals, reachable


def test_the_first_customer_is_the_one_that_the_handbook_prints():
    customers = draw_customers(5)
    first = (
        *customers.places[0],
        customers.mean_amounts[0],
        customers.payments_per_day[0],
    )
    assert pytest.approx((54.881350, 71.518937, 62.262521, 2.179533), abs=5e-7) == first


def test_more_customers_do_not_change_those_before_them():
    few, many = draw_customers(3), draw_customers(30)
    assert few.places.tolist() == many.places[:3].tolist()


def test_terminals_are_drawn_apart_from_customers():
    assert draw_customers(1).places[0].tolist() != draw_terminals(1)[0].tolist()


def test_a_terminal_at_the_radius_is_out_of_reach():
    terminals = np.array([[3.0, 4.0], [0.0, 4.9], [9.0, 0.0], [0.0, 0.0]])
    assert reachable(np.array([0.0, 0.0]), terminals, radius=5) == [1, 3]
