"""Fit the map from margin to probability on payments that the model did not see."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from sentinel_core.artifacts.calibration import Affine, Beta, Calibration

_LEAST_SLOPE = 1e-3
"""A fitted slope below it would nearly tie scores; the affine map takes over then."""


def fit_calibration(margins: np.ndarray, frauds: np.ndarray) -> Calibration:
    """Fit a strictly increasing calibration.

    Beta calibration where both its slopes come out positive, else Platt's affine map: with few
    frauds the second slope of the former can turn.

    Parameters
    ----------
    margins : (n,) log-odds of payments that the model was not fitted on
    frauds : (n,) bool, with both values present
    """
    log_p = -np.logaddexp(0.0, -margins)
    minus_log_q = np.logaddexp(0.0, margins)
    a, b, c = _logistic(np.column_stack([log_p, minus_log_q]), frauds)
    if a > _LEAST_SLOPE and b > _LEAST_SLOPE:
        return Beta(a=a, b=b, c=c)
    slope, intercept = _logistic(margins[:, None], frauds)
    return Affine(a=max(slope, _LEAST_SLOPE), b=intercept)


def _logistic(columns: np.ndarray, frauds: np.ndarray) -> list[float]:
    """Return coefficients and intercept of an unpenalised logistic regression."""
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(columns, frauds)
    return [*model.coef_[0].tolist(), float(model.intercept_[0])]
