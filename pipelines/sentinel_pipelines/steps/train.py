"""Fit the card-payments model: histogram boosting on what was known when the test week began."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.artifacts.calibration import Calibration
from sentinel_pipelines.handbook.protocol import Fold, mark_training
from sentinel_pipelines.steps.bins import cut_by_value, find_edges, to_bins
from sentinel_pipelines.steps.calibrate import fit_calibration
from sentinel_pipelines.steps.table import TrainingTable

BOOSTING: dict[str, Any] = {
    "max_iter": 200,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 50,
    "l2_regularization": 30.0,
    "early_stopping": False,
}
"""Chosen on the validation folds; docs/explanation/card-model.md says what was tried."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is fitted.

    Attributes
    ----------
    inputs : names of the features that the model reads
    history_days : days before the delay week that are trained on
    genuine_share : share of genuine payments kept; their weight makes up for the rest
    rising, falling : features that may only raise, or only lower, the score; what is known of them
        keeps the model from fitting noise
    """

    inputs: tuple[str, ...]
    history_days: int = 56
    genuine_share: float = 0.3
    rising: tuple[str, ...] = ()
    falling: tuple[str, ...] = ()
    boosting: dict[str, Any] = field(default_factory=lambda: dict(BOOSTING))
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A fitted classifier with its calibration.

    Attributes
    ----------
    rows, frauds : how many payments it was fitted on, and how many of them were fraud
    fit_seconds : both fits and the calibration
    """

    classifier: HistGradientBoostingClassifier
    calibration: Calibration
    rows: int
    frauds: int
    fit_seconds: float


def train_model(table: TrainingTable, fold: Fold, recipe: Recipe) -> TrainedModel:
    """Fit on a fold's history, and calibrate on its last week by a model that did not see it.

    Every label used was known when the fold's test week began: the last training day lies a delay
    before it.
    """
    started = time.perf_counter()
    last_week = mark_training(table.payments, fold)
    whole = mark_training(table.payments, fold, history_days=recipe.history_days)
    earlier = whole & ~last_week
    calibrator = _fit(table, earlier, recipe)
    margins = calibrator.decision_function(table.inputs(recipe.inputs, last_week))
    calibration = fit_calibration(margins, table.payments.frauds[last_week])
    classifier = _fit(table, whole, recipe)
    return TrainedModel(
        classifier,
        calibration,
        rows=int(whole.sum()),
        frauds=int(table.payments.frauds[whole].sum()),
        fit_seconds=time.perf_counter() - started,
    )


def _fit(
    table: TrainingTable, marked: np.ndarray, recipe: Recipe
) -> HistGradientBoostingClassifier:
    chosen = np.flatnonzero(marked)
    frauds = table.payments.frauds[chosen]
    kept = frauds | (np.random.default_rng(recipe.seed).random(len(chosen)) < recipe.genuine_share)
    chosen, frauds = chosen[kept], frauds[kept]
    rows = table.inputs(recipe.inputs, chosen)
    edges = find_edges(rows, frauds)
    weights = np.where(frauds, 1.0, 1.0 / recipe.genuine_share)
    classifier = untrained(recipe).fit(to_bins(rows, edges), frauds, sample_weight=weights)
    return cut_by_value(classifier, edges)


def untrained(recipe: Recipe) -> HistGradientBoostingClassifier:
    """Return the classifier that a recipe fits."""
    direction = {**dict.fromkeys(recipe.rising, 1), **dict.fromkeys(recipe.falling, -1)}
    return HistGradientBoostingClassifier(
        **recipe.boosting,
        monotonic_cst=[direction.get(name, 0) for name in recipe.inputs],
        random_state=recipe.seed,
    )
