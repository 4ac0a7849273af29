"""Payments ready to train and test on: their features, their truth, their day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel_core.features import FeatureSpec
from sentinel_pipelines.handbook.protocol import JudgedPayments


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """A stream with the features that the serving kernel gave it.

    Attributes
    ----------
    spec : the feature spec, whose names are the columns
    rows : (n, features) float32, cast once; NaN is missing
    amounts : (n,) float64 in units of the currency
    """

    spec: FeatureSpec
    rows: np.ndarray
    payments: JudgedPayments
    amounts: np.ndarray

    def inputs(self, names: tuple[str, ...], chosen: np.ndarray) -> np.ndarray:
        """Return (m, len(names)) float32: these columns of the chosen rows."""
        columns = [self.spec.names.index(name) for name in names]
        picked: np.ndarray = self.rows[chosen][:, columns]
        return picked
