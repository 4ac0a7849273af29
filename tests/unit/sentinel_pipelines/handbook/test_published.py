"""The figures that we hold ourselves to."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from sentinel_pipelines.handbook.published import (
    BEST_PUBLISHED,
    FLOOR,
    KNOWABLE,
    LEAK_ALARM_AUC_ROC,
    STRETCH,
)


@pytest.mark.parametrize("figure", [0, 1, 2])
def test_the_floor_lies_above_every_published_model_and_below_what_can_be_known(figure):
    ladder = [astuple(f)[figure] for f in (BEST_PUBLISHED, FLOOR, STRETCH, KNOWABLE)]
    assert sorted(set(ladder)) == ladder


def test_the_leak_alarm_lies_above_what_can_be_known():
    assert KNOWABLE.auc_roc < LEAK_ALARM_AUC_ROC
