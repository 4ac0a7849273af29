"""Candidate trainers beside ours, compared once for each state of the data."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from sentinel_core.clock import SystemClock
from sentinel_pipelines.handbook.protocol import Fold, mark_test, mark_training
from sentinel_pipelines.steps.candidates import CandidateRows, Comparison, compare_candidates
from sentinel_pipelines.steps.train import Recipe, untrained
from sentinel_pipelines.tasks.study import Study, fold_key


def compare(study: Study, recipe: Recipe, fold: Fold, cache_dir: Path) -> Comparison:
    """Fit every candidate on a fold's training week, or find what an earlier run kept."""
    path = cache_dir / "comparisons" / f"{fold_key(study, recipe, fold)}.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Comparison)
    table = study.table
    train = np.flatnonzero(mark_training(table.payments, fold))
    test = np.flatnonzero(mark_test(table.payments, fold))
    rows = CandidateRows(
        fold=fold,
        train_rows=table.inputs(recipe.inputs, train),
        train_frauds=table.payments.frauds[train],
        test_rows=table.inputs(recipe.inputs, test),
        test=table.payments.take(test),
    )
    comparison = compare_candidates(rows, untrained(recipe), SystemClock())
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(comparison))
    partial.rename(path)
    return comparison
