"""Small evaluations that look like real ones and need no data."""

from __future__ import annotations

import numpy as np

from sentinel_pipelines.handbook.metrics import Figures
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, Fold, JudgedPayments
from sentinel_pipelines.steps.candidates import Candidate, Comparison
from sentinel_pipelines.steps.evaluate import FoldResult, ScoredPayments, evaluate_fold
from sentinel_pipelines.steps.report import FeatureRow, ReportInput
from sentinel_pipelines.steps.thresholds import CostParameters, propose_bounds

COSTS = CostParameters(review_cost=5.0, block_cost=30.0)


def make_scored(fold: Fold, seed: int, per_day: int = 400) -> tuple[ScoredPayments, np.ndarray]:
    """Draw a test week whose probabilities are calibrated by construction, with its margins."""
    generator = np.random.default_rng(seed)
    count = per_day * fold.test_days
    days = np.datetime64(fold.test_start) + np.repeat(np.arange(fold.test_days), per_day)
    odd = generator.random(count) < 0.03
    margins = np.where(odd, generator.normal(1.0, 2.5, count), generator.normal(-6.0, 0.8, count))
    probabilities = 1 / (1 + np.exp(-margins))
    frauds = generator.random(count) < probabilities
    amounts = np.round(generator.gamma(2.0, 30.0, count) * np.where(frauds, 3.0, 1.0), 2)
    cards = generator.integers(0, per_day, count)
    return ScoredPayments(JudgedPayments(days, cards, frauds), amounts, probabilities), margins


def make_result(
    fold: Fold = TEST_FOLDS[0], seed: int = 0, *, per_day: int = 400, resamples: int = 5
) -> FoldResult:
    scored, margins = make_scored(fold, seed, per_day)
    return evaluate_fold(
        fold,
        scored.payments,
        scored.amounts,
        margins,
        scored.probabilities,
        resamples=resamples,
    )


def make_comparison() -> Comparison:
    missing = "the system library libgomp.so.1 is missing; install libgomp1"
    return Comparison(
        fold=TEST_FOLDS[3],
        train_payments=67_240,
        test_payments=58_264,
        features=31,
        candidates=(
            Candidate(
                "HistGradientBoosting (ours)", None, Figures(0.882, 0.693, 0.302), 1.54, 1148, 12.4
            ),
            Candidate("Logistic regression", None, Figures(0.870, 0.605, 0.291), 0.24, 858),
            Candidate("Random forest", None, Figures(0.870, 0.658, 0.290), 7.06, 2903),
            Candidate("LightGBM", missing),
            Candidate("XGBoost", "xgboost is not installed; install it to compare"),
        ),
    )


def make_report(*, per_day: int = 400, title: str = "card-payments, evaluated") -> ReportInput:
    """A report on the four test folds."""
    results = tuple(
        make_result(fold, number, per_day=per_day) for number, fold in enumerate(TEST_FOLDS)
    )
    chosen_on, _ = make_scored(Fold(TEST_FOLDS[-1].start), 9, per_day)
    names = (
        (
            "terminal_risk_28d",
            "the rate of payments at this terminal in 28 days up to 7 days ago",
            1.8,
        ),
        ("amount_to_mean", "amount against the mean amount of this card over 60 days", 0.93),
        ("payment_amount", "amount", 0.41),
        ("is_night", "hour between", 0.003),
    )
    return ReportInput(
        title=title,
        measured="The model as it would be shipped, on four weeks of simulated card payments.",
        facts=(("Artifact", "sha256:" + "0f" * 32), ("History", "56 days"), ("Seed", "0")),
        results=results,
        costs=COSTS,
        bounds=propose_bounds(chosen_on, COSTS),
        bounds_chosen_on="the four validation weeks",
        comparison=make_comparison(),
        features=tuple(FeatureRow(*row) for row in names),
        importance_meaning="Importance: the mean absolute contribution to the margin, in log-odds.",
    )
