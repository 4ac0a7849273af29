"""Folds: train, measure and package, or find what an earlier run kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sentinel_core.artifacts.calibrate import calibrate
from sentinel_core.artifacts.sign import generate_key
from sentinel_pipelines.handbook.protocol import Fold, mark_test
from sentinel_pipelines.steps.evaluate import FoldResult, evaluate_fold
from sentinel_pipelines.steps.package import package_model
from sentinel_pipelines.steps.train import Recipe, TrainedModel, train_model
from sentinel_pipelines.tasks.study import Study, fold_key

SIGNING_KEY = "signing.pem"
PUBLIC_KEY = "signing.pub.pem"


class Folds:
    """The folds of one study under one recipe.

    Parameters
    ----------
    cache_dir : Path
        Results are kept in ``folds``, artifacts in ``models``, the signing key of this machine in
        ``keys``.
    fresh : bool
        Train again even where a result is kept.
    """

    def __init__(
        self, study: Study, recipe: Recipe, cache_dir: Path, *, fresh: bool = False
    ) -> None:
        self._study = study
        self._recipe = recipe
        self._cache_dir = cache_dir
        self._fresh = fresh
        self._trained: dict[Fold, TrainedModel] = {}

    def evaluate(self, fold: Fold, *, resamples: int) -> FoldResult:
        """Train on a fold's history and measure on its test week.

        Raises
        ------
        InvalidRequestError
            The stream does not cover the fold. Retryable: no.
        """
        table = self._study.table
        test = np.flatnonzero(mark_test(table.payments, fold))
        margins, probabilities = self._scores(fold, test)
        return evaluate_fold(
            fold,
            table.payments.take(test),
            table.amounts[test],
            margins,
            probabilities,
            resamples=resamples,
        )

    def trained(self, fold: Fold) -> TrainedModel:
        """Return the model of a fold, training it at most once in this process."""
        if fold not in self._trained:
            self._trained[fold] = train_model(self._study.table, fold, self._recipe)
        return self._trained[fold]

    def package(self, result: FoldResult) -> Path:
        """Return the signed artifact of a fold's model, writing it where it is not kept yet."""
        key = fold_key(self._study, self._recipe, result.fold)
        folder = self._cache_dir / "models" / key
        if not folder.exists():
            package_model(
                folder,
                model=self.trained(result.fold),
                table=self._study.table,
                recipe=self._recipe,
                result=result,
                data_digest=self._study.digest,
                private_key_pem=signing_key(self._cache_dir),
            )
        return folder

    def _scores(self, fold: Fold, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        path = self._cache_dir / "folds" / f"{fold_key(self._study, self._recipe, fold)}.npz"
        if path.exists() and not self._fresh:
            with np.load(path) as kept:
                return kept["margins"], kept["probabilities"]
        model = self.trained(fold)
        rows = self._study.table.inputs(self._recipe.inputs, test)
        margins = model.classifier.decision_function(rows)
        probabilities = calibrate(model.calibration, margins)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, margins=margins, probabilities=probabilities)
        partial.rename(path)
        return margins, probabilities


def signing_key(cache_dir: Path) -> bytes:
    """Return this machine's signing key, made the first time; its public half lies beside it."""
    folder = cache_dir / "keys"
    private = folder / SIGNING_KEY
    if not private.exists():
        folder.mkdir(parents=True, exist_ok=True)
        private_pem, public_pem = generate_key()
        (folder / PUBLIC_KEY).write_bytes(public_pem)
        private.touch(mode=0o600)
        private.write_bytes(private_pem)
    return private.read_bytes()
