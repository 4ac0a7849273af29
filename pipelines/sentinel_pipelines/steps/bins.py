"""Bins that see the frauds: where histogram boosting may cut.

Scikit-learn cuts a feature at 255 quantiles of all payments. Frauds are under one in a hundred, so the
region where they differ gets a bin or two. Here half of the edges are quantiles of the frauds, and
those of the genuine payments are dense in both tails. Boosting then runs over the numbers of the bins,
and its thresholds are turned back into values of the features, so the model reads plain rows.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

FRAUD_EDGES = 100
GENUINE_EDGES = 77
TAIL_EDGES = 77
"""Together at most 254 edges, which make the 255 bins that scikit-learn holds."""

_TAIL_LOG_ODDS = 9.0
"""Quantiles of the tails run from 1 / (1 + e^9), about one payment in 8,000, to one less that."""


def find_edges(rows: np.ndarray, frauds: np.ndarray) -> list[np.ndarray]:
    """Return the rising edges of each feature's bins.

    Parameters
    ----------
    rows : (n, features) float32, NaN where missing
    frauds : (n,) bool
    """
    return [_edges_of(rows[:, i], frauds) for i in range(rows.shape[1])]


def to_bins(rows: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    """Return (n, features) float32: how many edges lie below each value; NaN stays NaN."""
    numbers = np.empty(rows.shape, dtype=np.float32)
    for i, own in enumerate(edges):
        column = rows[:, i]
        numbers[:, i] = np.searchsorted(own, column, side="left")
        numbers[np.isnan(column), i] = np.nan
    return numbers


def cut_by_value(
    classifier: HistGradientBoostingClassifier, edges: list[np.ndarray]
) -> HistGradientBoostingClassifier:
    """Turn thresholds on bin numbers into thresholds on values, in place.

    A bin number is at most k exactly where the value is at most edge k, so the classifier decides plain
    rows as it decided their bins.
    """
    for (predictor,) in classifier._predictors:  # noqa: SLF001 - no public way to the nodes
        nodes = predictor.nodes
        for node in np.flatnonzero(~nodes["is_leaf"].astype(bool)):
            own = edges[nodes["feature_idx"][node]]
            number = nodes["num_threshold"][node]
            if number < len(own):  # else all values lie below, and only missing ones go right
                nodes["num_threshold"][node] = own[max(int(np.floor(number)), 0)]
            else:
                nodes["num_threshold"][node] = np.inf
    return classifier


def _edges_of(column: np.ndarray, frauds: np.ndarray) -> np.ndarray:
    bad, good = column[frauds], column[~frauds]
    bad, good = bad[~np.isnan(bad)], good[~np.isnan(good)]
    tails = 1 / (1 + np.exp(-np.linspace(-_TAIL_LOG_ODDS, _TAIL_LOG_ODDS, TAIL_EDGES)))
    parts = []
    if len(bad):
        parts.append(_quantiles(bad, np.linspace(0, 1, FRAUD_EDGES)[1:-1]))
    if len(good):
        parts.append(_quantiles(good, np.linspace(0, 1, GENUINE_EDGES)[1:-1]))
        parts.append(_quantiles(good, tails))
    edges: np.ndarray = np.unique(np.concatenate(parts)) if parts else np.zeros(1)
    return edges


def _quantiles(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return values that occur, so that an edge is a float32 as the rows are."""
    found: np.ndarray = np.quantile(values, shares, method="inverted_cdf")
    return found
