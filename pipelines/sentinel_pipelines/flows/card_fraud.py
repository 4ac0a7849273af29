"""The flow that trains the card-payments model on the Handbook's stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from sentinel_core.features import FeatureSpec
from sentinel_pipelines.handbook.cache import StreamFiles, load_or_generate
from sentinel_pipelines.handbook.protocol import Fold, folds
from sentinel_pipelines.handbook.recipe import CARD_FRAUD
from sentinel_pipelines.steps.candidates import Comparison
from sentinel_pipelines.steps.evaluate import FoldResult
from sentinel_pipelines.tasks.comparison import compare
from sentinel_pipelines.tasks.folds import Folds
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from sentinel_pipelines.tasks.reporting import write_card_report
from sentinel_pipelines.tasks.study import Progress, Study, load_study

INTERVAL_RESAMPLES = 20
"""Resamples of the cards per fold: the ends of an interval to one digit, at two seconds a fold."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What the flow made.

    Attributes
    ----------
    artifact : folder of the signed artifact, of the first fold's model
    report : HTML file
    """

    study: Study
    results: list[FoldResult]
    artifact: Path
    report: Path


# Results are kept by content under our own names; Prefect's would be pickles of whole tables.
_keep_nothing: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


@task(name="stream", retries=1, **_keep_nothing)
def _stream(cache_dir: Path, progress: Progress | None) -> StreamFiles:
    return load_or_generate(cache_dir, progress)


@task(name="features", retries=1, **_keep_nothing)
def _features(
    files: StreamFiles, spec: FeatureSpec, cache_dir: Path, progress: Progress | None
) -> Study:
    return load_study(files, spec, cache_dir, progress)


@task(name="fold", task_run_name="fold {fold.start}", **_keep_nothing)
def _fold(of: Folds, fold: Fold, resamples: int) -> FoldResult:
    return of.evaluate(fold, resamples=resamples)


@task(name="artifact", **_keep_nothing)
def _artifact(of: Folds, result: FoldResult) -> Path:
    return of.package(result)


@task(name="candidates", **_keep_nothing)
def _candidates(study: Study, fold: Fold, cache_dir: Path) -> Comparison:
    return compare(study, CARD_FRAUD, fold, cache_dir)


@task(name="report", **_keep_nothing)
def _report(
    study: Study,
    results: list[FoldResult],
    comparison: Comparison,
    artifact: Path,
    path: Path,
) -> Path:
    return write_card_report(study, results, comparison, artifact, path)


@flow(name="train-card-fraud", validate_parameters=False)
def train_card_fraud(  # noqa: PLR0913 - what a run is made of
    manifest: Path,
    cache_dir: Path,
    report: Path,
    *,
    start: date,
    count: int = 4,
    progress: dict[str, Progress] | None = None,
) -> Trained:
    """Make the stream, its features, a model per fold, the artifact of the first, and the report.

    Parameters
    ----------
    manifest : Path
        Of the pipeline; its feature spec is what the model is trained on.
    start : date
        Training start S of the first fold; the others go back from it by a week each.
    progress : mapping, optional
        Callbacks for ``stream`` and ``features``.
    """
    shown = progress or {}
    files = _stream(cache_dir, shown.get("stream"))
    spec = load_pipeline_spec(manifest)
    study = _features(files, spec, cache_dir, shown.get("features"))
    of = Folds(study, CARD_FRAUD, cache_dir)
    results = [_fold(of, fold, INTERVAL_RESAMPLES) for fold in folds(start, count)]
    artifact = _artifact(of, results[0])
    comparison = _candidates(study, results[0].fold, cache_dir)
    written = _report(study, results, comparison, artifact, report)
    return Trained(study, results, artifact, written)
