"""Folds, and which payments they train and test on."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from sentinel_core.errors import InvalidRequestError
from sentinel_pipelines.handbook.protocol import (
    BASELINE_FOLD,
    TEST_FOLDS,
    VALIDATION_FOLDS,
    Fold,
    JudgedPayments,
    folds,
    mark_test,
    mark_training,
)

START = date(2018, 7, 25)
FOLD = Fold(START)


def judged(*rows: tuple[int, str, bool]) -> JudgedPayments:
    """Payments by (days since START, card, fraud), padded so that they cover the fold."""
    rows = ((-60, "first", False), *rows, (20, "last", False))
    days = [np.datetime64(START + timedelta(days=day)) for day, _, _ in rows]
    return JudgedPayments(
        np.array(days), np.array([c for _, c, _ in rows]), np.array([f for _, _, f in rows])
    )


def cards_tested(payments: JudgedPayments) -> list[str]:
    return payments.take(mark_test(payments, FOLD)).cards.tolist()


def test_a_fold_trains_waits_and_tests_a_week_each():
    assert (date(2018, 8, 1), date(2018, 8, 8), date(2018, 8, 15)) == (
        FOLD.delay_start,
        FOLD.test_start,
        FOLD.test_end,
    )


def test_folds_go_back_by_a_week_each():
    assert (Fold(date(2018, 8, 15)), Fold(date(2018, 8, 8))) == folds(date(2018, 8, 15), 2)


def test_the_oldest_test_fold_is_the_baseline():
    assert TEST_FOLDS[-1] == BASELINE_FOLD


def test_no_validation_fold_tests_on_a_day_that_a_test_fold_tests_on():
    assert max(f.test_end for f in VALIDATION_FOLDS) <= min(f.test_start for f in TEST_FOLDS)


def test_training_takes_the_first_week():
    payments = judged((-1, "a", False), (0, "b", False), (6, "c", False), (7, "d", False))
    assert payments.take(mark_training(payments, FOLD)).cards.tolist() == ["b", "c"]


def test_a_longer_history_ends_on_the_same_day():
    payments = judged((-8, "a", False), (-7, "b", False), (6, "c", False), (7, "d", False))
    mask = mark_training(payments, FOLD, history_days=14)
    assert payments.take(mask).cards.tolist() == ["b", "c"]


def test_the_test_takes_the_third_week():
    payments = judged((13, "a", False), (14, "b", False), (20, "c", False))
    assert cards_tested(payments) == ["b", "c", "last"]


def test_a_card_with_a_fraud_in_the_training_week_is_not_tested():
    payments = judged((0, "a", True), (14, "a", True), (14, "b", True))
    assert cards_tested(payments) == ["b", "last"]


def test_a_card_with_a_fraud_before_the_training_week_is_tested():
    payments = judged((-1, "a", True), (14, "a", False))
    assert cards_tested(payments) == ["a", "last"]


def test_a_fraud_leaves_the_test_on_the_eighth_day_after_it():
    payments = judged((7, "a", True), (14, "a", False), (15, "a", False), (16, "a", False))
    mask = mark_test(payments, FOLD)
    assert mask.tolist() == [False, False, True, False, False, True]


def test_a_fraud_of_the_test_week_does_not_remove_its_card():
    payments = judged((14, "a", True), (20, "a", False))
    assert cards_tested(payments) == ["a", "a", "last"]


def test_a_fold_beyond_the_payments_is_refused():
    with pytest.raises(InvalidRequestError, match="2018-08-01 to 2018-08-21"):
        mark_test(judged(), Fold(date(2018, 8, 1)))
