"""One fold, several folds, and the figures as JSON."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from sentinel_core.errors import InvalidRequestError
from sentinel_pipelines.handbook.metrics import Figures, card_precision_at_k, measure
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, JudgedPayments
from sentinel_pipelines.steps.evaluate import evaluate_fold, pool, summarise, to_json
from tests.support.evaluations import make_result, make_scored

FOLD = TEST_FOLDS[0]


@pytest.fixture(scope="module")
def result():
    return make_result(FOLD)


def with_figures(result, auc_roc):
    return replace(result, figures=Figures(auc_roc, 0.5, 0.2))


def test_the_figures_are_those_of_the_protocol(result):
    assert measure(result.payments, result.margins) == result.figures


def test_intervals_hold_their_figure():
    result = make_result(FOLD, resamples=40)
    for name, one in result.intervals.items():
        assert one.lower <= getattr(result.figures, name) <= one.upper
    assert set(result.intervals) == {"auc_roc", "average_precision", "card_precision"}


def test_without_resamples_there_are_no_intervals():
    assert make_result(FOLD, resamples=0).intervals == {}


def test_equal_input_gives_equal_intervals(result):
    assert make_result(FOLD).intervals == result.intervals


def test_the_mean_over_days_is_the_card_precision(result):
    shares = [share for _, share in result.card_precision_per_day]
    assert np.mean(shares) == pytest.approx(result.figures.card_precision, abs=1e-12)


def test_card_precision_has_each_test_day(result):
    days = [day for day, _ in result.card_precision_per_day]
    assert days == [date(2018, 8, 29 + number) for number in range(3)] + [
        date(2018, 9, number) for number in range(1, 5)
    ]


def test_a_day_is_measured_without_the_cards_found_before_it():
    days = np.datetime64(FOLD.test_start) + np.array([0, 0, 1, 1, 1])
    frauds = np.array([True, False, True, True, False])
    payments = JudgedPayments(days, np.array([1, 2, 1, 3, 2]), frauds)
    margins = np.array([2.0, 1.0, 2.0, 1.5, 1.0])
    probabilities = 1 / (1 + np.exp(-margins))
    result = evaluate_fold(FOLD, payments, np.ones(5), margins, probabilities, resamples=0)
    # On the second day card 1 is known, so that only card 3 is a hit.
    assert result.card_precision_per_day == [(date(2018, 8, 29), 0.01), (date(2018, 8, 30), 0.01)]
    assert card_precision_at_k(payments, margins) == pytest.approx(0.01)


def test_columns_of_another_length_are_refused(result):
    with pytest.raises(InvalidRequestError, match="amounts: has shape"):
        evaluate_fold(FOLD, result.payments, np.ones(3), result.margins, result.probabilities)


def test_probabilities_that_are_margins_are_refused(result):
    with pytest.raises(InvalidRequestError, match=r"probabilities: leave \[0, 1\]"):
        evaluate_fold(FOLD, result.payments, result.amounts, result.margins, result.margins)


def test_numbers_that_are_not_finite_are_refused(result):
    margins = np.where(np.arange(len(result.margins)) == 5, np.nan, result.margins)
    with pytest.raises(InvalidRequestError, match="margins: holds numbers that are not finite"):
        evaluate_fold(FOLD, result.payments, result.amounts, margins, result.probabilities)


def test_payments_of_another_week_are_refused(result):
    columns = (result.amounts, result.margins, result.probabilities)
    with pytest.raises(InvalidRequestError, match="payments: lie outside the test week"):
        evaluate_fold(TEST_FOLDS[1], result.payments, *columns)


def test_a_week_without_frauds_is_refused(result):
    genuine = replace(result.payments, frauds=np.zeros(len(result.payments), dtype=bool))
    columns = (result.amounts, result.margins, result.probabilities)
    with pytest.raises(InvalidRequestError, match="payments: are all of one class"):
        evaluate_fold(FOLD, genuine, *columns)


def test_the_summary_is_mean_and_population_deviation(result):
    summary = summarise([with_figures(result, 0.86), with_figures(result, 0.90)])
    assert summary.mean.auc_roc == pytest.approx(0.88)
    assert summary.std.auc_roc == pytest.approx(0.02)
    assert summary.std.average_precision == 0.0


def test_a_mean_above_what_can_be_known_is_called_a_leak(result):
    alarm = summarise([with_figures(result, 0.906)]).leak_alarm
    assert alarm is not None
    assert "0.906 is above 0.905" in alarm


def test_one_fold_above_is_no_leak_while_the_mean_is_not(result):
    assert summarise([with_figures(result, 0.91), with_figures(result, 0.90)]).leak_alarm is None


def test_pooling_keeps_rows_together():
    results = [make_result(fold, number) for number, fold in enumerate(TEST_FOLDS[:2])]
    pooled = pool(results)
    second = results[1]
    assert len(pooled.payments) == sum(len(result.payments) for result in results)
    assert (pooled.payments.cards[-len(second.payments) :] == second.payments.cards).all()
    assert (pooled.amounts[-len(second.amounts) :] == second.amounts).all()
    assert (pooled.probabilities[-len(second.amounts) :] == second.probabilities).all()


def test_the_json_has_means_deviations_and_folds(result):
    written = to_json([result])
    assert written["mean"] == {
        "auc": result.figures.auc_roc,
        "average_precision": result.figures.average_precision,
        "card_precision_100": result.figures.card_precision,
    }
    assert written["std_kind"] == "population"
    assert set(written["folds"][0]) == {
        "start",
        "test_start",
        "auc",
        "average_precision",
        "card_precision_100",
        "intervals_95",
        "ece",
        "ece_suspect",
        "payments",
        "frauds",
    }


def test_the_json_can_be_written_and_read_back(result):
    written = to_json([result])
    assert json.loads(json.dumps(written, allow_nan=False)) == written


def test_a_fold_in_json_counts_its_payments_and_frauds(result):
    (fold,) = to_json([result])["folds"]
    assert (fold["start"], fold["test_start"]) == ("2018-08-15", "2018-08-29")
    assert (fold["payments"], fold["frauds"]) == (2_800, int(result.payments.frauds.sum()))


def test_probabilities_drawn_as_frauds_are_found_calibrated():
    scored, margins = make_scored(FOLD, 0, per_day=4_000)
    result = evaluate_fold(
        FOLD, scored.payments, scored.amounts, margins, scored.probabilities, resamples=0
    )
    assert result.calibration.overall < 0.003
