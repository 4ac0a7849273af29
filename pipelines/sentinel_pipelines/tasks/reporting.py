"""The report of the card-payments model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sentinel_core.artifacts.explain import TreeExplainer
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_pipelines.steps.candidates import Comparison
from sentinel_pipelines.steps.evaluate import FoldResult, pool
from sentinel_pipelines.steps.report import ReportInput, build_feature_rows, write_report
from sentinel_pipelines.steps.thresholds import CostParameters, propose_bounds
from sentinel_pipelines.tasks.study import Study

COSTS = CostParameters(review_cost=5.0, block_cost=25.0)
"""What a look and a wrong block cost, in EUR: stated assumptions, to be replaced by one's own. A look
is some minutes of an analyst; a wrong block is the margin of a lost purchase and a call."""
EXPLAINED_ROWS = 200
"""Payments whose contributions are averaged into the importance of a feature; about a millisecond
each."""


def write_card_report(
    study: Study,
    results: list[FoldResult],
    comparison: Comparison | None,
    artifact: Path,
    path: Path,
) -> Path:
    """Write the report of an evaluation and return its path.

    The bounds are chosen on the earlier test weeks and shown on all: the latest week, which the
    served model is measured on, has no part in them.
    """
    earlier = results[1:] or results
    content = ReportInput(
        title="Card payments: model report",
        measured=(
            "The card-payments model on the simulated stream of the Fraud Detection Handbook, by its "
            "prequential protocol: trained on what was known, tested on the following week."
        ),
        facts=_facts(study, artifact),
        results=tuple(results),
        costs=COSTS,
        bounds=propose_bounds(pool(earlier), COSTS),
        bounds_chosen_on=f"the {len(earlier)} earlier test weeks" if results[1:] else "this week",
        comparison=comparison,
        features=build_feature_rows(study.table.spec, _importance(study, artifact)),
        importance_meaning=(
            "Mean absolute contribution to the margin, in log-odds, over the "
            f"{EXPLAINED_ROWS} most suspect test payments."
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(path, content)
    return path


def _facts(study: Study, artifact: Path) -> tuple[tuple[str, str], ...]:
    read = read_artifact(artifact)
    training = read.manifest.training_data
    return (
        ("artifact", read.digest),
        ("feature spec", study.table.spec.digest),
        ("trained on", f"{training.rows} payments, {training.frauds} frauds"),
        ("calibration", read.manifest.calibration.kind),
        *sorted(read.manifest.runtime.items()),
    )


def _importance(study: Study, artifact: Path) -> dict[str, float]:
    model = LoadedModel(read_artifact(artifact))
    explainer = model.explainer
    assert isinstance(explainer, TreeExplainer)  # what the flow packages has trees
    names = model.manifest.feature_names
    last_rows = np.arange(len(study.table.rows) - 100_000, len(study.table.rows))
    rows = study.table.inputs(names, last_rows)
    margins, _ = model.predict(rows)
    suspect = np.argsort(margins)[-EXPLAINED_ROWS:]
    weights = np.abs([explainer.contributions(row) for row in rows[suspect]]).mean(axis=0)
    return dict(zip(names, weights.tolist(), strict=True))
