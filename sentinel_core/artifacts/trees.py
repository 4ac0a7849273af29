"""Trees in neutral form: what an explanation needs to know of a boosted ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.refusal import refuse

EXPLAINER_FOLDER = "explainer"
LEAF = -1
"""Value of ``feature`` at a leaf."""

MAX_NODES = 500_000
"""Twenty times an ensemble of 400 trees of 31 leaves; bounds the time a load takes."""

_DTYPES = {
    "feature": np.int32, "threshold": np.float32, "left": np.int32, "right": np.int32,
    "missing_left": np.bool_, "value": np.float64, "cover": np.float64, "roots": np.int32,
    "base": np.float64,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Binary trees whose leaf values add up, with a base value, to a margin.

    A row x goes left where x <= threshold, both float32 (BRANCH_LEQ of ai.onnx.ml), and where x is
    NaN, left if ``missing_left``. Nodes of all trees share the arrays; children come after their
    parent.

    Attributes
    ----------
    feature : (nodes,) int32
        Column of the row; `LEAF` at leaves.
    threshold : (nodes,) float32
        Infinite where a split parts the missing from all others.
    left, right : (nodes,) int32
        Nodes; unused at leaves.
    missing_left : (nodes,) bool
    value : (nodes,) float64
        Log-odds of a leaf; unused elsewhere.
    cover : (nodes,) float64
        Training rows that reached the node, above 0.
    roots : (trees,) int32
    base : () float64
        Log-odds before the first tree.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]
    cover: npt.NDArray[np.float64]
    roots: npt.NDArray[np.int32]
    base: npt.NDArray[np.float64]

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Build from arrays that came from a file, checking that they are trees.

        Raises
        ------
        ArtifactError
            ``ExplainerInvalid``. A retry does not help.
        """
        if arrays.keys() != _DTYPES.keys():
            raise _invalid(f"the arrays are {sorted(arrays)}, not {sorted(_DTYPES)}")
        for name, dtype in _DTYPES.items():
            if arrays[name].dtype != dtype:
                raise _invalid(f"{name} is {arrays[name].dtype}, not {np.dtype(dtype)}")
        ensemble = cls(**{field.name: arrays[field.name] for field in fields(cls)})
        ensemble.check()
        return ensemble

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, in the types of the file form."""
        return {name: np.asarray(getattr(self, name), dtype) for name, dtype in _DTYPES.items()}

    def check(self) -> None:
        """Hold that every walk from a root ends at a leaf and that all numbers are finite.

        Raises
        ------
        ArtifactError
            ``ExplainerInvalid``. A retry does not help.
        """
        nodes = self.feature.shape
        per_node = (
            self.threshold,
            self.left,
            self.right,
            self.missing_left,
            self.value,
            self.cover,
        )
        if len(nodes) != 1 or any(array.shape != nodes for array in per_node):
            raise _invalid("the arrays of nodes differ in length")
        if len(self.feature) > MAX_NODES:
            raise _invalid(f"there are more than {MAX_NODES} nodes")
        if self.roots.ndim != 1 or self.base.shape != ():
            raise _invalid("roots is not a list or base is not one number")
        numbers = (self.value, self.cover, self.base)
        if not all(np.isfinite(array).all() for array in numbers) or (self.cover <= 0).any():
            raise _invalid("a number is not finite, or a cover is not above 0")
        if np.isnan(self.threshold).any():
            raise _invalid("a threshold is not a number")
        self._check_shape()

    def _check_shape(self) -> None:
        """Children after their parent rule out circles; one parent each rules out shared branches."""
        count = len(self.feature)
        split = np.flatnonzero(self.feature != LEAF)
        children = np.concatenate([self.left[split], self.right[split]]).astype(np.int64)
        if (children <= np.tile(split, 2)).any() or (children >= count).any():
            raise _invalid("a child does not come after its parent")
        if (self.feature < LEAF).any():
            raise _invalid("a feature is below 0")
        reached = np.concatenate([children, self.roots.astype(np.int64)])
        if (reached < 0).any() or not np.array_equal(np.sort(reached), np.arange(count)):
            raise _invalid("a node is not reached exactly once")


def _invalid(what: str) -> Exception:
    return refuse("ExplainerInvalid", f"The explainer arrays are not trees: {what}.")
