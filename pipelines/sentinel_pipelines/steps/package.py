"""From a trained model to a signed artifact."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sentinel_core.artifacts.manifest import (
    Distribution,
    FeatureSpecRef,
    ManifestFields,
    Metric,
    ModelInput,
    ThresholdRow,
    TrainingData,
)
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.write import write_artifact
from sentinel_core.errors import ConfigurationError
from sentinel_core.features import FeatureSpec
from sentinel_pipelines.handbook.protocol import Fold, mark_training
from sentinel_pipelines.steps.evaluate import FoldResult
from sentinel_pipelines.steps.export import PARITY_LIMIT, export_classifier, largest_difference
from sentinel_pipelines.steps.export_graph import INPUT
from sentinel_pipelines.steps.table import TrainingTable
from sentinel_pipelines.steps.train import Recipe, TrainedModel

PARITY_ROWS = 10_000
PROBE_ROWS = 16
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
REFERENCE_BINS = 20
"""Bins of equal mass that drift is measured against; a PSI of 20 bins is what the field compares."""


def package_model(  # noqa: PLR0913 - by keyword only, all that a manifest says
    directory: Path,
    *,
    model: TrainedModel,
    table: TrainingTable,
    recipe: Recipe,
    result: FoldResult,
    data_digest: str,
    private_key_pem: bytes,
) -> str:
    """Export, check parity, and write the artifact; return its digest.

    Raises
    ------
    ConfigurationError
        The served graph differs from the trained model by more than 1e-6. Retryable: no.
    """
    exported = export_classifier(model.classifier, model.calibration)
    fold = result.fold
    test_days = table.payments.days >= np.datetime64(fold.test_start)
    rows = table.inputs(recipe.inputs, np.flatnonzero(test_days)[:PARITY_ROWS])
    difference = largest_difference(exported, model.classifier, model.calibration, rows)
    if difference > PARITY_LIMIT:
        raise ConfigurationError(
            f"The exported model differs from the trained one by {difference:.1e}.",
            user_action="Look at the export step; serving would not decide as was evaluated.",
        )
    session = onnxruntime.InferenceSession(exported.model, providers=["CPUExecutionProvider"])
    probe_rows = rows[np.linspace(0, len(rows) - 1, PROBE_ROWS).astype(int)]
    margin, probability = session.run(["margin", "probability"], {INPUT: probe_rows})
    return write_artifact(
        directory,
        model=exported.model,
        fields=_fields(model, table, recipe, result, data_digest, difference),
        probe=Probe.of(probe_rows, margin.reshape(-1), probability.reshape(-1)),
        card=_card(model, recipe, result, difference),
        explainer=exported.trees,
        private_key_pem=private_key_pem,
    )


def _fields(  # noqa: PLR0913, PLR0917 - see `package_model`
    model: TrainedModel,
    table: TrainingTable,
    recipe: Recipe,
    result: FoldResult,
    data_digest: str,
    difference: float,
) -> ManifestFields:
    fold = result.fold
    midnight = datetime.combine(fold.delay_start, time(), UTC)
    return ManifestFields(
        name="card-fraud",
        version=f"{fold.start:%Y.%m.%d}",
        feature_spec=FeatureSpecRef(digest=table.spec.closure(list(recipe.inputs)).digest),
        inputs=tuple(
            ModelInput(name=name, history=_reads_history(table.spec, name))
            for name in recipe.inputs
        ),
        calibration=model.calibration,
        training_data=TrainingData(
            digest=f"sha256:{data_digest}",
            since=midnight - timedelta(days=recipe.history_days),
            until=midnight,
            rows=model.rows,
            frauds=model.frauds,
        ),
        metrics=_metrics(result),
        thresholds=_thresholds(result),
        references=_references(table, recipe, fold, result),
        lineage={
            "fold": fold.start.isoformat(),
            "seed": str(recipe.seed),
            "parity": f"{difference:.1e} over {PARITY_ROWS} rows",
        },
        runtime={name: version(name) for name in ("scikit-learn", "skl2onnx", "numpy")},
    )


def _reads_history(spec: FeatureSpec, name: str) -> bool:
    feature = spec.by_name[name]
    return feature.entity is not None or any(
        _reads_history(spec, operand) for operand in feature.operands or ()
    )


def _metrics(result: FoldResult) -> dict[str, Metric]:
    figures = {
        "auc_roc": result.figures.auc_roc,
        "average_precision": result.figures.average_precision,
        "card_precision": result.figures.card_precision,
    }
    metrics = {}
    for name, value in figures.items():
        within = result.intervals.get(name)
        low, high = (within.lower, within.upper) if within else (value, value)
        method = "95 %, bootstrap over cards" if within else "no interval was computed"
        metrics[name] = Metric(value=value, low=low, high=high, method=method)
    return metrics


def _thresholds(result: FoldResult) -> tuple[ThresholdRow, ...]:
    frauds, probabilities = result.payments.frauds, result.probabilities
    rows = []
    for threshold in THRESHOLDS:
        alerts = probabilities >= threshold
        caught = int((alerts & frauds).sum())
        rows.append(
            ThresholdRow(
                threshold=threshold,
                alerts=int(alerts.sum()),
                precision=caught / max(int(alerts.sum()), 1),
                recall=caught / max(int(frauds.sum()), 1),
                false_positive_rate=int((alerts & ~frauds).sum()) / max(int((~frauds).sum()), 1),
            )
        )
    return tuple(rows)


def _references(
    table: TrainingTable, recipe: Recipe, fold: Fold, result: FoldResult
) -> dict[str, Distribution]:
    trained = np.flatnonzero(mark_training(table.payments, fold, history_days=recipe.history_days))
    columns = table.inputs(recipe.inputs, trained)
    references = {
        name: _distribution(columns[:, i].astype(np.float64))
        for i, name in enumerate(recipe.inputs)
    }
    references["probability"] = _distribution(result.probabilities)
    return references


def _distribution(values: np.ndarray) -> Distribution:
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, REFERENCE_BINS + 1)))
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0] + 1.0])
    counts, _ = np.histogram(present, edges)
    return Distribution(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=int(np.isnan(values).sum()),
    )


def _card(model: TrainedModel, recipe: Recipe, result: FoldResult, difference: float) -> str:
    fold, figures = result.fold, result.figures
    return f"""# card-fraud {fold.start:%Y.%m.%d}

Gives the probability that a card payment is fraudulent.

- **Trained on** {model.rows} payments ({model.frauds} frauds) of the {recipe.history_days} days
  before {fold.delay_start}, of the simulated stream of the Fraud Detection Handbook
  (Le Borgne et al. 2022).
- **Tested on** {fold.test_start} to {fold.test_end - timedelta(days=1)}, without cards that were
  known to be compromised: AUC ROC {figures.auc_roc:.3f}, average precision
  {figures.average_precision:.3f}, card precision at 100 {figures.card_precision:.3f}.
- **Calibrated** on the last training week by a model that did not see it ({model.calibration.kind});
  the served graph differs from the trained model by at most {difference:.1e}.
- **Not for** real payments: the stream is simulated, and its frauds follow three scripts.
- **Reads** {len(recipe.inputs)} features; those of history need the entity logs, without which the model
  stays silent.
"""
