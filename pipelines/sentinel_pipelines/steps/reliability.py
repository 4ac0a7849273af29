"""How far calibrated probabilities are from what happened.

Expected calibration error is the mean over bins, weighted by their rows, of |mean probability -
share of frauds| (Naeini, Cooper and Hauskrecht, AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15
"""As many as Guo, Pleiss, Sun and Weinberger take (ICML 2017)."""
SUSPECT_FROM = 0.01
"""Probability from which a payment counts as suspect; of the Handbook's test payments 97 % lie below,
and their small error would hide that of the rest."""
_Z_95 = 1.959964
"""97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration errors in [0, 1], lower is better.

    Attributes
    ----------
    overall : over all rows, in bins of equal width
    suspect : over the rows with a probability of at least `SUSPECT_FROM`, in bins of equal mass; None
        where there are none
    """

    overall: float
    suspect: float | None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Payments of like probability.

    Attributes
    ----------
    rows : how many, at least 1
    mean_probability, fraud_share : said and found, in [0, 1]
    lower, upper : Wilson's 95 % interval of the share (JASA 1927), as if payments were independent
    """

    rows: int
    mean_probability: float
    fraud_share: float
    lower: float
    upper: float


def measure_calibration(
    frauds: np.ndarray, probabilities: np.ndarray, bins: int = BINS
) -> CalibrationError:
    """Measure both errors.

    Parameters
    ----------
    frauds : (n,) bool
    probabilities : (n,) in [0, 1]
    """
    widths = np.minimum((probabilities * bins).astype(int), bins - 1)
    suspect = probabilities >= SUSPECT_FROM
    of_suspect = None
    if suspect.any():
        masses = _equal_mass(probabilities[suspect], bins)
        of_suspect = _error(frauds[suspect], probabilities[suspect], masses)
    return CalibrationError(_error(frauds, probabilities, widths), of_suspect)


def reliability_curve(
    frauds: np.ndarray, probabilities: np.ndarray, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Compare said and found in bins of equal mass, from the lowest probability to the highest.

    Equal probabilities never part, so there may be fewer bins than asked for.
    """
    if len(probabilities) == 0:
        return ()
    number = _equal_mass(probabilities, bins)
    chosen = (number == one for one in np.unique(number))
    return tuple(_describe(frauds[rows], probabilities[rows]) for rows in chosen)


def _equal_mass(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each row; bounds are quantiles, so equal values share a bin."""
    inner = np.quantile(probabilities, np.arange(1, bins) / bins)
    number: np.ndarray = np.searchsorted(inner, probabilities, side="right")
    return number


def _error(frauds: np.ndarray, probabilities: np.ndarray, number: np.ndarray) -> float:
    # rows/n |mean p - mean y| = |sum p - sum y| / n
    gaps = np.bincount(number, weights=probabilities - frauds)
    return float(np.abs(gaps).sum() / len(frauds))


def _describe(frauds: np.ndarray, probabilities: np.ndarray) -> ReliabilityBin:
    rows, share, z = len(frauds), float(frauds.mean()), _Z_95
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    spread = np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    half = float(z * spread / (1 + z * z / rows))
    # Rounding may put a bound a hair beyond the share itself, or beyond [0, 1].
    lower = max(0.0, min(centre - half, share))
    upper = min(1.0, max(centre + half, share))
    return ReliabilityBin(rows, float(probabilities.mean()), share, lower, upper)
