"""Card precision, the figures of a fold, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel_pipelines.handbook.metrics import (
    Figures,
    Interval,
    card_precision_at_k,
    interval,
    measure,
    resample_by_card,
)
from sentinel_pipelines.handbook.protocol import JudgedPayments


def judged(*rows: tuple[int, str, bool, float]) -> tuple[JudgedPayments, np.ndarray]:
    """Payments by (day, card, fraud, score)."""
    days = np.array([np.datetime64("2018-08-08") + day for day, _, _, _ in rows])
    cards = np.array([card for _, card, _, _ in rows])
    frauds = np.array([fraud for _, _, fraud, _ in rows])
    return JudgedPayments(days, cards, frauds), np.array([score for _, _, _, score in rows])


def test_a_card_ranks_by_its_highest_score_of_the_day():
    payments, scores = judged(
        (0, "a", False, 0.1), (0, "a", True, 0.9), (0, "b", False, 0.5), (0, "b", False, 0.6)
    )
    assert card_precision_at_k(payments, scores, k=1) == 1.0


def test_a_card_counts_once_however_many_frauds_it_has():
    payments, scores = judged((0, "a", True, 0.9), (0, "a", True, 0.8), (0, "b", False, 0.5))
    assert card_precision_at_k(payments, scores, k=2) == 0.5


def test_a_card_is_a_hit_when_another_of_its_payments_is_the_fraud():
    payments, scores = judged((0, "a", False, 0.9), (0, "a", True, 0.1), (0, "b", True, 0.5))
    assert card_precision_at_k(payments, scores, k=1) == 1.0


def test_the_share_is_the_mean_over_days():
    payments, scores = judged((0, "a", True, 0.9), (1, "b", False, 0.9), (1, "c", True, 0.1))
    assert card_precision_at_k(payments, scores, k=1) == 0.5


def test_a_compromised_card_found_is_left_out_of_later_days():
    payments, scores = judged((0, "a", True, 0.9), (1, "a", True, 0.9), (1, "b", True, 0.1))
    assert card_precision_at_k(payments, scores, k=1) == 1.0


def test_a_card_looked_at_without_a_fraud_stays_in_later_days():
    payments, scores = judged((0, "a", False, 0.9), (1, "a", True, 0.9), (1, "b", False, 0.1))
    assert card_precision_at_k(payments, scores, k=1) == 0.5


def test_a_day_of_few_cards_still_divides_by_k():
    payments, scores = judged((0, "a", True, 0.9))
    assert card_precision_at_k(payments, scores) == 0.01


def test_cards_of_equal_score_rank_by_their_id():
    payments, scores = judged((0, "b", True, 0.5), (0, "a", False, 0.5))
    assert card_precision_at_k(payments, scores, k=1) == 0.0


def test_only_the_order_of_scores_matters():
    generator = np.random.default_rng(1)
    rows = [
        (int(d), f"c{c}", bool(f), float(s))
        for d, c, f, s in zip(
            generator.integers(0, 7, 500),
            generator.integers(0, 90, 500),
            generator.random(500) < 0.1,
            generator.random(500),
            strict=True,
        )
    ]
    payments, scores = judged(*rows)
    assert measure(payments, scores) == measure(payments, np.exp(scores))


def test_a_perfect_ranking_has_a_perfect_area_and_precision():
    payments, scores = judged((0, "a", True, 0.9), (0, "b", False, 0.5), (0, "c", False, 0.1))
    assert Figures(1.0, 1.0, 0.01) == measure(payments, scores)


def test_the_figures_are_those_worked_out_by_hand():
    payments, scores = judged(
        (0, "a", True, 0.9), (0, "b", False, 0.8), (0, "c", True, 0.7), (0, "d", False, 0.6)
    )
    # Pairs in order: 3 of 4. Precision 1 at the first fraud, 2/3 at the second.
    assert Figures(0.75, pytest.approx((1 + 2 / 3) / 2), 0.02) == measure(payments, scores)


def test_the_same_seed_draws_the_same_cards():
    payments, scores = judged(*[(0, f"c{i}", i % 3 == 0, float(i % 7)) for i in range(60)])
    first, second = (list(resample_by_card(payments, scores, resamples=3)) for _ in range(2))
    assert first == second
    assert len(set(first)) == 3


def test_a_card_is_drawn_with_all_its_payments():
    # Each card has one fraud, above its genuine payment: whichever cards are drawn, and however
    # often, half of the payments are frauds and all of them rank first.
    rows = [(0, f"c{i}", fraud, float(fraud)) for i in range(20) for fraud in (True, False)]
    payments, scores = judged(*rows)
    assert [Figures(1.0, 1.0, 0.2)] == list(resample_by_card(payments, scores, resamples=1))


def test_an_interval_holds_the_central_share_of_the_values():
    assert Interval(25.0, 75.0) == interval([float(i) for i in range(101)], level=0.5)
