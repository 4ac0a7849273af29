"""Calibration in numpy: the twin of the nodes that an exported graph carries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.calibration import Affine, Beta, Calibration, PiecewiseLinear

Floats = npt.NDArray[np.float64]


def calibrated_log_odds(calibration: Calibration, margin: Floats) -> Floats:
    """Map margins to calibrated log-odds, in float64.

    Parameters
    ----------
    margin : (n,) float64
        In log-odds, finite.
    """
    match calibration:
        case Affine(a=a, b=b):
            return a * margin + b
        case Beta(a=a, b=b, c=c):
            softplus = np.log1p(np.exp(-np.abs(margin)))
            rising = a * (np.minimum(margin, 0.0) - softplus)
            return rising + b * (np.maximum(margin, 0.0) + softplus) + c
        case PiecewiseLinear():
            return _piecewise(calibration, margin)


def calibrate(calibration: Calibration, margin: Floats) -> Floats:
    """Map margins to probabilities in [0, 1], in float64.

    Parameters
    ----------
    margin : (n,) float64
        In log-odds, finite.
    """
    q = calibrated_log_odds(calibration, margin)
    # exp of a non-positive number cannot overflow.
    small = np.exp(-np.abs(q))
    return np.where(q >= 0.0, 1.0, small) / (1.0 + small)


def _piecewise(calibration: PiecewiseLinear, margin: Floats) -> Floats:
    """Add up what each piece contributes.

    A sum of non-decreasing terms rather than a search for the piece: it stays non-decreasing when
    every term is rounded, and the graph computes it the same way.
    """
    knots = np.array([m for m, _ in calibration.points])
    slopes = np.array(calibration.slopes)
    beyond = margin[:, None] - knots[None, :-1]
    inside = np.clip(beyond, 0.0, np.diff(knots)[None, :])
    # The outer pieces have no outer end.
    inside[:, 0] += np.minimum(beyond[:, 0], 0.0)
    inside[:, -1] += np.maximum(margin - knots[-1], 0.0)
    return calibration.points[0][1] + np.asarray((inside * slopes).sum(axis=1))
