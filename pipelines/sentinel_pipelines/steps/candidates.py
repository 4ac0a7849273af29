"""How other trainers do on the same rows of one fold.

Sizes are modest and fixed, and nothing is tuned: the comparison shows whether a trainer of another
kind would be worth the tuning, not which of two tuned ones is better.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from sentinel_core.artifacts.calibration import UNCALIBRATED
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.clock import Clock
from sentinel_pipelines.handbook.metrics import Figures, measure
from sentinel_pipelines.handbook.protocol import Fold, JudgedPayments
from sentinel_pipelines.steps.export import export_classifier
from sentinel_pipelines.steps.export_graph import INPUT

OURS = "HistGradientBoosting (ours)"
TREES = 200
"""Of each boosted candidate but ours, whose parameters are given: twice LightGBM's default number at
half its default rate, with its default of 31 leaves, and for XGBoost the depth that gives 32."""
FOREST_TREES = 40
"""Chosen for the time: with them all candidates take 14 s for a week of 30 features on one core."""
SINGLE_ROWS = 30
"""Rows scored one at a time; the median is reported, since the first calls warm caches."""

Predict = Callable[[np.ndarray], np.ndarray]
Make = Callable[[int], Any]
"""From a number of threads to an estimator that is not fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class CandidateRows:
    """The rows that each candidate sees.

    Attributes
    ----------
    fold : Fold
    train_rows, train_frauds : (n, features) float32, NaN where missing, and (n,) bool; of the fold's
        training week
    test_rows, test : (m, features) float32 and the test payments, in the same order
    """

    fold: Fold
    train_rows: np.ndarray
    train_frauds: np.ndarray
    test_rows: np.ndarray
    test: JudgedPayments


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one trainer reached, or why it was not tried.

    Attributes
    ----------
    name : with its library where it is not scikit-learn's
    reason : why it was not tried and what would help; None where it was, and then the others are
        given
    figures : on the test week
    fit_seconds : on the threads the comparison was given
    row_us : microseconds to score one row by the library's own call, on one thread
    served_row_us : the same by ONNX Runtime; only of ours, the one that is exported
    """

    name: str
    reason: str | None = None
    figures: Figures | None = None
    fit_seconds: float | None = None
    row_us: float | None = None
    served_row_us: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidates on one fold, in the order they ran.

    Attributes
    ----------
    train_payments, test_payments : rows of the training week and of the test week
    features : columns of each row
    """

    fold: Fold
    train_payments: int
    test_payments: int
    features: int
    candidates: tuple[Candidate, ...]


def compare_candidates(
    rows: CandidateRows, ours: HistGradientBoostingClassifier, clock: Clock, *, threads: int = 2
) -> Comparison:
    """Fit each candidate on the training week and measure it on the test week.

    Parameters
    ----------
    ours : HistGradientBoostingClassifier
        With the parameters of the model that is to ship; it is not changed, a copy is fitted.
    clock : Clock
        For the times, which are the only thing that differs between two runs.
    threads : int
        For fitting, where the trainer lets itself be told.
    """
    candidates = tuple(_try(name, make, rows, clock, threads) for name, make in _trainers(ours))
    return Comparison(
        fold=rows.fold,
        train_payments=len(rows.train_rows),
        test_payments=len(rows.test_rows),
        features=rows.train_rows.shape[1],
        candidates=candidates,
    )


def _trainers(ours: HistGradientBoostingClassifier) -> Iterator[tuple[str, Make]]:
    yield OURS, lambda _: clone(ours)
    yield "Logistic regression", lambda _: _make_logistic()
    yield "Random forest", _make_forest
    yield "LightGBM", _make_lightgbm
    yield "XGBoost", _make_xgboost


def _make_logistic() -> Any:
    # A column that is missing throughout the week is kept, so that it is not a warning.
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=500))


def _make_forest(threads: int) -> Any:
    return RandomForestClassifier(
        n_estimators=FOREST_TREES, min_samples_leaf=3, n_jobs=threads, random_state=0
    )


def _make_lightgbm(threads: int) -> Any:
    library = importlib.import_module("lightgbm")
    return library.LGBMClassifier(
        n_estimators=TREES,
        learning_rate=0.05,
        n_jobs=threads,
        random_state=0,
        deterministic=True,
        verbose=-1,
    )


def _make_xgboost(threads: int) -> Any:
    library = importlib.import_module("xgboost")
    return library.XGBClassifier(
        n_estimators=TREES, learning_rate=0.05, max_depth=5, n_jobs=threads, random_state=0
    )


def _try(name: str, make: Make, rows: CandidateRows, clock: Clock, threads: int) -> Candidate:
    try:
        estimator = make(threads)
    # XGBoost answers a missing system library by an error of its own, which is a ValueError.
    except (ImportError, OSError, ValueError) as error:
        return Candidate(name, reason=explain_missing(name, error))
    with threadpool_limits(threads):
        started = clock.elapsed_ns()
        estimator.fit(rows.train_rows, rows.train_frauds)
        fit_seconds = (clock.elapsed_ns() - started) / 1e9
        scores = estimator.predict_proba(rows.test_rows)[:, 1]
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)
    served = _serve(estimator) if name == OURS else None
    return Candidate(
        name,
        figures=measure(rows.test, scores),
        fit_seconds=fit_seconds,
        row_us=_time_row(estimator.predict_proba, rows.test_rows, clock),
        served_row_us=None if served is None else _time_row(served, rows.test_rows, clock),
    )


def explain_missing(name: str, error: Exception) -> str:
    """Say in one line why a library could not be imported, and what to install.

    Examples
    --------
    >>> explain_missing("LightGBM", OSError("libgomp.so.1: cannot open shared object file"))
    'the system library libgomp.so.1 is missing; install libgomp1'
    """
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed; install it to compare ({name} is no dependency)"
    library = re.search(r"\blib[\w+-]+\.so[\w.]*", str(error))
    if library is None:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"{name} cannot be imported: {first_line}"
    package = "libgomp1" if "libgomp" in library[0] else "the package that holds it"
    return f"the system library {library[0].rstrip('.')} is missing; install {package}"


def _serve(classifier: HistGradientBoostingClassifier) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        export_classifier(classifier, UNCALIBRATED).model,
        options,
        providers=["CPUExecutionProvider"],
    )
    return lambda row: np.asarray(session.run(["probability"], {INPUT: row})[0])


def _time_row(predict: Predict, rows: np.ndarray, clock: Clock) -> float:
    times_us = []
    with threadpool_limits(1):
        for number in range(min(SINGLE_ROWS, len(rows))):
            row = rows[number : number + 1]
            started = clock.elapsed_ns()
            predict(row)
            times_us.append((clock.elapsed_ns() - started) / 1e3)
    return float(median(times_us))
