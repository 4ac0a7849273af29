"""The protocol against the published tables, on the published features."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sentinel_pipelines.handbook.metrics import Figures, measure
from sentinel_pipelines.handbook.protocol import (
    BASELINE_FOLD,
    JudgedPayments,
    mark_test,
    mark_training,
)
from sentinel_pipelines.handbook.published import BASELINE

NOT_FEATURES = 9
"""Columns of the raw stream, which stand before the 14 features."""

# Figures are printed to three decimals (0.0005). Of the rest, logistic regression owes 0.001 to its
# solver, which has changed since 2022, and the tree owes 0.001 of card precision to the order of
# cards of equal score, which the Handbook leaves to an unstable sort.
TOLERANCE = 0.0015


@pytest.fixture(scope="module")
def transformed(data) -> pa.Table:
    return pq.read_table(
        data / "transactions" / "handbook_transformed_2018-07-25_2018-08-14.parquet"
    ).sort_by("TRANSACTION_ID")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Decision tree of depth 2", DecisionTreeClassifier(max_depth=2, random_state=0)),
        (
            "Logistic regression",
            make_pipeline(StandardScaler(), LogisticRegression(random_state=0)),
        ),
    ],
)
def test_a_model_on_the_published_features_has_its_published_figures(transformed, name, model):
    published = next(row.figures for row in BASELINE if row.model == name)
    actual = _figures_of(model, transformed)
    assert pytest.approx(astuple(published), abs=TOLERANCE) == astuple(actual)


def test_the_baseline_fold_holds_the_payments_that_the_rules_leave(transformed):
    payments = JudgedPayments.from_stream(transformed)
    # Counted once by the Handbook's rules written apart from ours, with pandas.
    assert np.count_nonzero(mark_training(payments, BASELINE_FOLD)) == 67_240
    assert np.count_nonzero(mark_test(payments, BASELINE_FOLD)) == 58_264


def _figures_of(model, table: pa.Table) -> Figures:
    payments = JudgedPayments.from_stream(table)
    names = ["TX_AMOUNT", *table.column_names[NOT_FEATURES:]]
    values = np.column_stack([table[name].to_numpy() for name in names])
    training, test = mark_training(payments, BASELINE_FOLD), mark_test(payments, BASELINE_FOLD)
    model.fit(values[training], payments.frauds[training])
    return measure(payments.take(test), model.predict_proba(values[test])[:, 1])
