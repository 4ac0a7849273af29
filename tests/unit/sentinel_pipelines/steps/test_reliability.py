"""Calibration errors and the reliability curve, against hand and brute force."""

import numpy as np
import pytest

from sentinel_pipelines.steps.reliability import (
    CalibrationError,
    measure_calibration,
    reliability_curve,
)


@pytest.fixture
def said_and_found():
    generator = np.random.default_rng(3)
    probabilities = np.round(generator.beta(0.3, 3.0, 2_000), 2)
    return generator.random(2_000) < probabilities**1.3, probabilities


def brute_force_error(frauds, probabilities, bin_of):
    total = 0.0
    for number in set(bin_of):
        rows = [row for row in range(len(frauds)) if bin_of[row] == number]
        said = sum(probabilities[row] for row in rows) / len(rows)
        found = sum(bool(frauds[row]) for row in rows) / len(rows)
        total += len(rows) / len(frauds) * abs(said - found)
    return total


def test_the_error_is_the_gap_between_said_and_found():
    frauds = np.array([True, False, False, False])
    actual = measure_calibration(frauds, np.full(4, 0.5))
    assert CalibrationError(overall=0.25, suspect=0.25) == actual


def test_gaps_of_different_bins_do_not_cancel():
    frauds = np.array([False, False, True, True])
    actual = measure_calibration(frauds, np.array([0.2, 0.2, 0.8, 0.8]), bins=2)
    assert actual.overall == pytest.approx(0.2)


def test_certain_and_right_has_no_error():
    frauds = np.array([True, False])
    actual = measure_calibration(frauds, np.array([1.0, 0.0]))
    assert CalibrationError(overall=0.0, suspect=0.0) == actual


def test_the_error_over_all_rows_equals_brute_force_over_bins_of_equal_width(said_and_found):
    frauds, probabilities = said_and_found
    bin_of = [min(int(p * 15), 14) for p in probabilities]
    expected = brute_force_error(frauds, probabilities, bin_of)
    assert measure_calibration(frauds, probabilities).overall == pytest.approx(expected, abs=1e-12)


def test_the_error_of_the_suspect_equals_brute_force_over_bins_of_equal_mass(said_and_found):
    frauds, probabilities = said_and_found
    suspect = probabilities >= 0.01
    frauds, kept = frauds[suspect], probabilities[suspect]
    bounds = [np.quantile(kept, number / 15) for number in range(1, 15)]
    bin_of = [sum(p >= bound for bound in bounds) for p in kept]
    expected = brute_force_error(frauds, kept, bin_of)
    assert measure_calibration(frauds, kept).suspect == pytest.approx(expected, abs=1e-12)


def test_what_is_not_suspect_does_not_dilute_the_error_of_the_suspect():
    frauds = np.array([False] * 98 + [False, True])
    probabilities = np.array([0.001] * 98 + [0.9, 0.9])
    assert measure_calibration(frauds, probabilities).suspect == pytest.approx(0.4)


def test_without_suspect_payments_there_is_no_error_of_theirs():
    assert measure_calibration(np.array([False]), np.array([0.001])).suspect is None


def test_the_order_of_rows_does_not_matter(said_and_found):
    frauds, probabilities = said_and_found
    order = np.random.default_rng(0).permutation(len(frauds))
    actual = measure_calibration(frauds[order], probabilities[order])
    expected = measure_calibration(frauds, probabilities)
    assert actual.overall == pytest.approx(expected.overall, abs=1e-12)
    assert actual.suspect == pytest.approx(expected.suspect, abs=1e-12)


def test_equal_probabilities_share_a_bin():
    frauds = np.arange(100) % 4 == 0
    (only,) = reliability_curve(frauds, np.full(100, 0.3))
    assert (only.rows, only.fraud_share) == (100, 0.25)


def test_the_bins_of_the_curve_hold_every_row_once(said_and_found):
    curve = reliability_curve(*said_and_found)
    assert sum(one.rows for one in curve) == 2_000


def test_the_curve_rises_in_what_is_said(said_and_found):
    said = [one.mean_probability for one in reliability_curve(*said_and_found)]
    assert said == sorted(said)


def test_an_interval_ends_where_the_share_is_1_96_deviations_away():
    (only,) = reliability_curve(np.array([True] + [False] * 9), np.full(10, 0.1))
    for end in (only.lower, only.upper):
        deviation = (end * (1 - end) / 10) ** 0.5
        assert abs(end - 0.1) / deviation == pytest.approx(1.959964)


def test_an_interval_holds_its_share_even_where_all_are_fraud():
    (only,) = reliability_curve(np.array([True] * 5), np.full(5, 0.9))
    assert only.lower < only.fraud_share <= only.upper <= 1.0


def test_no_payments_have_no_curve():
    assert reliability_curve(np.array([], dtype=bool), np.array([])) == ()
