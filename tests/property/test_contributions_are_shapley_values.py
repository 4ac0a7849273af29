"""Contributions are the Shapley values of the path-dependent game, and add up to the margin."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.artifacts.explain import TreeExplainer
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.trees import LEAF, TreeEnsemble
from tests.support.artifacts import random_rows, random_trees, tree_model

seeds = st.integers(0, 2**32 - 1)


def goes_left(trees, node, row):
    x = row[trees.feature[node]]
    return trees.missing_left[node] if np.isnan(x) else x <= trees.threshold[node]


def expectation(trees, node, row, known):
    """What the subtree is worth when only the known features are: the definition, literally."""
    if trees.feature[node] == LEAF:
        return trees.value[node]
    left, right = int(trees.left[node]), int(trees.right[node])
    if trees.feature[node] in known:
        return expectation(trees, left if goes_left(trees, node, row) else right, row, known)
    covers = trees.cover[left], trees.cover[right]
    worth = expectation(trees, left, row, known), expectation(trees, right, row, known)
    return np.average(worth, weights=covers)


def shapley_values(trees, row, feature_count):
    """Enumerate every subset of features."""

    def worth(known):
        return sum(expectation(trees, int(root), row, known) for root in trees.roots)

    values = np.zeros(feature_count)
    for feature in range(feature_count):
        others = [f for f in range(feature_count) if f != feature]
        for size in range(feature_count):
            weight = (
                factorial(size) * factorial(feature_count - 1 - size) / factorial(feature_count)
            )
            for known in map(set, combinations(others, size)):
                values[feature] += weight * (worth(known | {feature}) - worth(known))
    return values


@given(seed=seeds, feature_count=st.integers(1, 5))
def test_contributions_equal_the_enumeration_of_all_subsets(seed, feature_count):
    rng = np.random.default_rng(seed)
    trees = random_trees(rng, feature_count, tree_count=2, max_splits=7)
    explainer = TreeExplainer(trees, feature_count)
    for row in random_rows(rng, 2, feature_count):
        expected = shapley_values(trees, row, feature_count)
        assert explainer.contributions(row) == pytest.approx(expected, abs=1e-9)


@given(seed=seeds, feature_count=st.integers(1, 12))
def test_contributions_and_base_add_up_to_the_served_margin(seed, feature_count):
    rng = np.random.default_rng(seed)
    trees = random_trees(rng, feature_count, tree_count=10, max_splits=30)
    rows = random_rows(rng, 8, feature_count)
    rows[0, 0], rows[1, 0] = np.inf, -np.inf
    model = tree_model(trees, feature_count).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (margins,) = session.run(["margin"], {"features": rows})
    explainer = TreeExplainer(trees, feature_count)
    sums = [explainer.base + explainer.contributions(row).sum() for row in rows]
    assert sums == pytest.approx(margins.reshape(-1), abs=1e-5)


@given(seed=seeds)
def test_a_feature_that_no_tree_reads_contributes_nothing(seed):
    rng = np.random.default_rng(seed)
    explainer = TreeExplainer(random_trees(rng, feature_count=2), feature_count=3)
    (row,) = random_rows(rng, 1)
    assert explainer.contributions(row)[2] == 0.0


@given(seed=seeds)
def test_arrays_of_an_ensemble_build_the_same_explainer(seed):
    rng = np.random.default_rng(seed)
    trees = random_trees(rng)
    again = TreeExplainer(TreeEnsemble.from_arrays(trees.to_arrays()), 3)
    (row,) = random_rows(rng, 1)
    expected = TreeExplainer(trees, 3).contributions(row)
    assert again.contributions(row).tolist() == expected.tolist()
