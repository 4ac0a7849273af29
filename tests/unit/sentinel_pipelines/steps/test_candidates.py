"""Candidates on small rows; libraries that are missing; the time of day as a clock tells it."""

import builtins
import sys

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.clock import FixedClock
from sentinel_pipelines.handbook.metrics import measure
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, JudgedPayments
from sentinel_pipelines.steps import candidates
from sentinel_pipelines.steps.candidates import (
    OURS,
    CandidateRows,
    compare_candidates,
    explain_missing,
)

FOLD = TEST_FOLDS[0]
PLAIN = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0)


class Ticking(FixedClock):
    """Each reading is a millisecond after the one before."""

    def elapsed_ns(self):
        self.put(self.now_us() + 1_000)
        return super().elapsed_ns()


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(2)
    values = generator.normal(size=(2_400, 4)).astype(np.float32)
    frauds = values[:, 0] + values[:, 1] + generator.normal(size=2_400) > 2.5
    values[generator.random(values.shape) < 0.05] = np.nan
    test = JudgedPayments(
        np.datetime64(FOLD.test_start) + np.arange(1_200) % 7,
        generator.integers(0, 300, 1_200),
        frauds[1_200:],
    )
    return CandidateRows(FOLD, values[:1_200], frauds[:1_200], values[1_200:], test)


@pytest.fixture(scope="module")
def comparison(rows):
    hidden = {name: sys.modules.get(name) for name in ("lightgbm", "xgboost")}
    # None in sys.modules is how Python itself notes a module that is not to be found.
    sys.modules.update(dict.fromkeys(hidden))
    yield compare_candidates(rows, PLAIN, Ticking(0), threads=1)
    for name, module in hidden.items():
        del sys.modules[name]
        if module is not None:
            sys.modules[name] = module


def by_name(comparison):
    return {one.name: one for one in comparison.candidates}


def test_our_candidate_has_the_figures_of_our_parameters(comparison, rows):
    fitted = HistGradientBoostingClassifier(**PLAIN.get_params())
    fitted.fit(rows.train_rows, rows.train_frauds)
    expected = measure(rows.test, fitted.predict_proba(rows.test_rows)[:, 1])
    assert by_name(comparison)[OURS].figures == expected


def test_the_given_classifier_is_not_fitted(comparison):
    assert not hasattr(PLAIN, "classes_")


def test_rows_with_missing_values_are_scored_by_each_of_scikit_learn(comparison):
    ran = [one.name for one in comparison.candidates if one.figures is not None]
    assert ran == [OURS, "Logistic regression", "Random forest"]


def test_a_library_that_is_missing_is_reported_with_its_reason(comparison):
    missing = by_name(comparison)["LightGBM"]
    assert missing.figures is None
    assert missing.reason is not None
    assert "lightgbm" in missing.reason


def test_only_ours_is_timed_as_it_is_served(comparison):
    served = [one.name for one in comparison.candidates if one.served_row_us is not None]
    assert served == [OURS]


def test_times_are_differences_of_the_clock_in_the_named_units(comparison):
    ours = by_name(comparison)[OURS]
    assert (ours.fit_seconds, ours.row_us, ours.served_row_us) == (0.001, 1000.0, 1000.0)


def test_the_comparison_names_its_rows(comparison):
    sizes = (comparison.train_payments, comparison.test_payments, comparison.features)
    assert sizes == (1_200, 1_200, 4)


def test_two_runs_give_equal_figures(comparison, rows):
    again = candidates._try(
        "Random forest", candidates._make_forest, rows, FixedClock(0), threads=1
    )
    assert again.figures == by_name(comparison)["Random forest"].figures


def test_a_column_missing_throughout_the_week_is_no_fault(rows):
    rows.train_rows[:, 3] = np.nan
    made = candidates._try(
        "Logistic regression", lambda _: candidates._make_logistic(), rows, FixedClock(0), 1
    )
    assert made.figures is not None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError("libgomp.so.1: cannot open shared object file: No such file or directory"),
            "the system library libgomp.so.1 is missing; install libgomp1",
        ),
        (
            ValueError("XGBoost Library (libxgboost.so) could not be loaded.\nMore lines"),
            "the system library libxgboost.so is missing; install the package that holds it",
        ),
        (
            ModuleNotFoundError("No module named 'xgboost'", name="xgboost"),
            "xgboost is not installed; install it to compare (XGBoost is no dependency)",
        ),
        (ImportError("broken wheel\nsecond line"), "XGBoost cannot be imported: broken wheel"),
        (ImportError(), "XGBoost cannot be imported: ImportError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, builtins.Exception) else "",
)
def test_a_failed_import_is_explained_in_one_line(error, expected):
    assert explain_missing("XGBoost", error) == expected
