"""What can be known of the test folds: the oracle behind `KNOWABLE`."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pytest

from sentinel_pipelines.handbook.frauds import TERMINAL_DAYS
from sentinel_pipelines.handbook.metrics import Figures, measure
from sentinel_pipelines.handbook.payments import DAY_SECONDS
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, JudgedPayments, mark_test
from sentinel_pipelines.handbook.published import KNOWABLE, PERFECT_CARD_PRECISION
from sentinel_pipelines.handbook.tables import LABEL_DELAY_DAYS

pytestmark = pytest.mark.slow


def test_an_oracle_told_all_that_can_be_known_has_the_stated_figures(stream):
    assert pytest.approx(astuple(KNOWABLE), abs=0.0006) == _mean(stream, knowable_frauds(stream))


def test_labels_as_scores_have_the_stated_card_precision(stream):
    labels = stream["TX_FRAUD"].to_numpy()
    assert (1.0, 1.0, pytest.approx(PERFECT_CARD_PRECISION, abs=0.0005)) == _mean(stream, labels)


def knowable_frauds(stream: pa.Table) -> np.ndarray:
    """(n,) bool: frauds of scenarios 1 and 3, and of 2 where the terminal's frauds are known."""
    terminals = stream["TERMINAL_ID"].to_numpy()
    seconds = stream["TX_TIME_SECONDS"].to_numpy()
    scenarios = stream["TX_FRAUD_SCENARIO"].to_numpy()
    knowable = scenarios > 0
    for terminal in np.unique(terminals[scenarios == 2]):
        frauds = np.flatnonzero((terminals == terminal) & (scenarios > 0))
        newest = seconds[frauds] - LABEL_DELAY_DAYS * DAY_SECONDS
        oldest = newest - TERMINAL_DAYS * DAY_SECONDS
        known = np.searchsorted(seconds[frauds], newest, side="right")
        known -= np.searchsorted(seconds[frauds], oldest, side="right")
        knowable[frauds[(scenarios[frauds] == 2) & (known == 0)]] = False
    return knowable


def _mean(stream: pa.Table, scores: np.ndarray) -> tuple[float, ...]:
    payments = JudgedPayments.from_stream(stream)
    figures: list[Figures] = []
    for fold in TEST_FOLDS:
        test = mark_test(payments, fold)
        figures.append(measure(payments.take(test), scores[test].astype(float)))
    return tuple(np.mean([astuple(f) for f in figures], axis=0).tolist())
