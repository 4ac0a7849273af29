"""Which features moved the margin, and by how much: exact TreeSHAP in numpy.

The contributions are the Shapley values of the game in which a set of known features is worth the
ensemble's expectation over the training rows' covers, as they walk the trees (Lundberg et al., "From
local explanations to global understanding with explainable AI for trees", Nature Machine
Intelligence 2, 2020; the path-dependent form). They are in log-odds, and with the base value they
add up to the margin.

Each leaf is a path of distinct features (as in Mitchell, Frank and Holmes, "GPUTreeShap", PeerJ
Computer Science 8, 2022). Feature j of a path has z_j, the share of training rows that go its way,
and o_j, 1 where the row goes that way, else 0. The Shapley weight of a subset of size s out of d
features is the integral of u^s (1 - u)^(d - 1 - s), so that the leaf with value v contributes

    v (o_i - z_i) * integral over u from 0 to 1 of prod over j != i of (z_j (1 - u) + o_j u)

to feature i. The integrand is a polynomial of degree d - 1, which Gauss-Legendre quadrature with
ceil(d / 2) points integrates exactly. All its factors are positive, so nothing cancels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.trees import LEAF, TreeEnsemble

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Step:
    """What a path asks of one feature: not x <= ``above``, and x <= ``upto``; or NaN, if ``missing``.

    ``above`` is NaN where no split has gone right, so that x of minus infinity passes too.
    """

    above: float = np.nan
    upto: float = np.inf
    missing: bool = True
    share: float = 1.0


_Path = dict[int, _Step]


class _PathGroup:
    """All leaf paths with the same number of features, as arrays of shape (length, paths)."""

    def __init__(self, paths: list[tuple[_Path, float]], length: int) -> None:
        steps = [[path[feature] for feature in path] for path, _ in paths]
        self.feature = np.array([list(path) for path, _ in paths], dtype=np.intp).T
        self.above = np.array([[s.above for s in row] for row in steps], dtype=np.float32).T
        self.upto = np.array([[s.upto for s in row] for row in steps], dtype=np.float32).T
        self.missing = np.array([[s.missing for s in row] for row in steps], dtype=np.bool_).T
        self.share: Floats = np.ascontiguousarray(
            np.array([[s.share for s in row] for row in steps]).T
        )
        self.value = np.array([value for _, value in paths])
        points, weights = np.polynomial.legendre.leggauss((length + 1) // 2)
        u = (points[:, None] + 1.0) / 2.0
        self.weights = weights[:, None] / 2.0
        # The two values that a factor can take at each point, for every step: (length, points, paths).
        self.cold = self.share[:, None, :] * (1.0 - u)
        self.hot = self.cold + u

    def contributions(self, row: npt.NDArray[np.float32]) -> Floats:
        """Return what each step of each path contributes, float64 of shape (length, paths)."""
        x = row[self.feature]
        # A missing x fails the second comparison.
        goes = (~(x <= self.above) & (x <= self.upto)) | (np.isnan(x) & self.missing)
        factors = np.where(goes[:, None, :], self.hot, self.cold)
        product = np.multiply.reduce(factors, axis=0) * self.weights
        others = np.divide(product, factors, out=factors).sum(axis=1)
        return np.asarray(self.value * (goes - self.share) * others)


class TreeExplainer:
    """Contributions of features to one ensemble's margin.

    Parameters
    ----------
    ensemble : TreeEnsemble
    feature_count : int
        Columns of a row.

    Attributes
    ----------
    base : float
        Log-odds that the ensemble expects before anything is known of a row.
    """

    def __init__(self, ensemble: TreeEnsemble, feature_count: int) -> None:
        if ensemble.feature.size and ensemble.feature.max() >= feature_count:
            raise refuse(
                "ExplainerInvalid", "The explainer's trees read more features than there are."
            )
        self.feature_count = feature_count
        self.base = float(ensemble.base)
        by_length: defaultdict[int, list[tuple[_Path, float]]] = defaultdict(list)
        for path, value in _walk_leaves(ensemble):
            self.base += value * float(np.prod([step.share for step in path.values()]))
            if path:
                by_length[len(path)].append((path, value))
        self._groups = [_PathGroup(paths, length) for length, paths in sorted(by_length.items())]

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], feature_count: int) -> Self:
        """Build from the arrays of an artifact.

        Raises
        ------
        ArtifactError
            ``ExplainerInvalid``. A retry does not help.
        """
        return cls(TreeEnsemble.from_arrays(arrays), feature_count)

    def contributions(self, row: npt.NDArray[np.float32]) -> Floats:
        """Explain one row.

        Parameters
        ----------
        row : (features,) float32
            NaN where missing.

        Returns
        -------
        (features,) float64
            Log-odds; above 0 raises the risk. The sum with ``base`` is the margin, up to the rounding
            of the margin to float32.
        """
        total = np.zeros(self.feature_count)
        for group in self._groups:
            total += np.bincount(
                group.feature.ravel(),
                weights=group.contributions(row).ravel(),
                minlength=self.feature_count,
            )
        return total


def _walk_leaves(ensemble: TreeEnsemble) -> Iterator[tuple[_Path, float]]:
    """Yield each leaf's value and its path, with the splits on one feature merged into one step."""
    feature, left, right = (a.tolist() for a in (ensemble.feature, ensemble.left, ensemble.right))
    threshold, cover = ensemble.threshold.tolist(), ensemble.cover.tolist()
    missing_left, value = ensemble.missing_left.tolist(), ensemble.value.tolist()
    waiting: list[tuple[int, _Path]] = [(root, {}) for root in reversed(ensemble.roots.tolist())]
    while waiting:
        node, path = waiting.pop()
        if feature[node] == LEAF:
            yield path, value[node]
            continue
        step, limit = path.get(feature[node], _Step()), threshold[node]
        # Over the children's sum and not the parent's own count, so that the shares of a path's
        # alternatives add up to 1 whatever the counts.
        both = cover[left[node]] + cover[right[node]]
        turns = (
            # The first argument of max wins over a NaN in the second.
            (right[node], max(limit, step.above), step.upto, not missing_left[node]),
            (left[node], step.above, min(limit, step.upto), missing_left[node]),
        )
        for child, above, upto, takes_missing in turns:
            share = step.share * cover[child] / both
            turn = _Step(above, upto, step.missing and takes_missing, share)
            waiting.append((child, {**path, feature[node]: turn}))
