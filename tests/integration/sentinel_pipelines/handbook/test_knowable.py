"""What can be known of the test folds: the oracle behind `KNOWABLE`."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pytest

from sentinel_pipelines.handbook.frauds import TERMINAL_DAYS
from sentinel_pipelines.handbook.metrics import Figures, card_precision_at_k, measure
from sentinel_pipelines.handbook.payments import DAY_SECONDS
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, JudgedPayments, mark_test
from sentinel_pipelines.handbook.published import FLOOR, KNOWABLE, PERFECT_CARD_PRECISION
from sentinel_pipelines.handbook.tables import LABEL_DELAY_DAYS

pytestmark = pytest.mark.slow


def test_an_oracle_told_all_that_can_be_known_has_the_stated_figures(stream):
    assert pytest.approx(astuple(KNOWABLE), abs=0.0006) == _mean(stream, knowable_frauds(stream))


def test_labels_as_scores_have_the_stated_card_precision(stream):
    labels = stream["TX_FRAUD"].to_numpy()
    assert (1.0, 1.0, pytest.approx(PERFECT_CARD_PRECISION, abs=0.0005)) == _mean(stream, labels)


def test_an_oracle_that_must_know_the_same_compromise_is_as_good_as_at_the_floor(stream):
    known = frauds_of_known_compromises(stream)
    payments = JudgedPayments.from_stream(stream)
    tests = [np.flatnonzero(mark_test(payments, fold)) for fold in TEST_FOLDS]

    def draw(seed: int) -> float:
        scores = known + np.random.default_rng(seed).random(len(known)) / 2
        found = [card_precision_at_k(payments.take(test), scores[test]) for test in tests]
        return float(np.mean(found))

    draws = [draw(seed) for seed in range(40)]
    # As docs/explanation/card-model.md has them.
    assert np.mean(draws) == pytest.approx(0.3124, abs=0.0006)
    assert np.std(draws) == pytest.approx(0.0011, abs=0.0004)
    assert abs(np.mean(draws) - FLOOR.card_precision) < np.std(draws)


def frauds_of_known_compromises(stream: pa.Table) -> np.ndarray:
    """(n,) bool: frauds of scenarios 1 and 3, and of 2 where an earlier one of them is known.

    `knowable_frauds` is also content with a fraud at the terminal that another scenario explains, or
    one of a compromise that is over.
    """
    scenarios = stream["TX_FRAUD_SCENARIO"].to_numpy()
    return _knowable(stream, scenarios == 2, oldest_days=TERMINAL_DAYS)


def knowable_frauds(stream: pa.Table) -> np.ndarray:
    """(n,) bool: frauds of scenarios 1 and 3, and of 2 where the terminal's frauds are known."""
    scenarios = stream["TX_FRAUD_SCENARIO"].to_numpy()
    return _knowable(stream, scenarios > 0, oldest_days=LABEL_DELAY_DAYS + TERMINAL_DAYS)


def _knowable(stream: pa.Table, telling: np.ndarray, *, oldest_days: int) -> np.ndarray:
    """Mark frauds of scenarios 1 and 3, and of 2 after one at the terminal that tells of them.

    ``telling`` marks those that do, from ``oldest_days`` before up to when labels are known.
    """
    terminals = stream["TERMINAL_ID"].to_numpy()
    seconds = stream["TX_TIME_SECONDS"].to_numpy()
    scenarios = stream["TX_FRAUD_SCENARIO"].to_numpy()
    knowable = scenarios > 0
    for terminal in np.unique(terminals[scenarios == 2]):
        here = np.flatnonzero((terminals == terminal) & (scenarios > 0))
        frauds, told = here[scenarios[here] == 2], seconds[here[telling[here]]]
        newest = seconds[frauds] - LABEL_DELAY_DAYS * DAY_SECONDS
        oldest = seconds[frauds] - oldest_days * DAY_SECONDS
        known = np.searchsorted(told, newest, side="right")
        known -= np.searchsorted(told, oldest, side="right")
        knowable[frauds[known == 0]] = False
    return knowable


def _mean(stream: pa.Table, scores: np.ndarray) -> tuple[float, ...]:
    payments = JudgedPayments.from_stream(stream)
    figures: list[Figures] = []
    for fold in TEST_FOLDS:
        test = mark_test(payments, fold)
        figures.append(measure(payments.take(test), scores[test].astype(float)))
    return tuple(np.mean([astuple(f) for f in figures], axis=0).tolist())
