"""The Bento's typed endpoint: one row by the names of its features."""

from __future__ import annotations

from time import perf_counter_ns

import numpy as np
from pydantic import BaseModel, Field

from sentinel_bentos.model.outputs import refuse_request
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.statuses import status_of
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import SentinelError
from sentinel_core.oip.tensors import Rows


class Prediction(BaseModel):
    """What the model says of one row."""

    probability: float = Field(description="Calibrated, in [0, 1].")
    margin: float = Field(description="Log-odds before calibration.")
    digest: str = Field(description="The artifact that said so.")


class Predictor:
    """Scores rows that name their features."""

    def __init__(self, serving: ModelServing) -> None:
        self._serving = serving
        self._counts = serving.metrics.requests.predict

    def predict(self, features: dict[str, float | None], version: str) -> Prediction:
        """Score one row.

        Parameters
        ----------
        features : dict
            A value for every feature of the model, None where it is missing.
        version : str
            Digest of an artifact; empty takes the default one.

        Raises
        ------
        NotFoundError, InvalidRequestError, ArtifactError
            Retryable: no.
        NotReadyError
            Retryable: yes.
        """
        started_ns = perf_counter_ns()
        code = 500
        try:
            versions = self._serving.versions
            model = versions.find(versions.name, version)
            margin, probability = model.predict_one(_row(features, model))
            code = 200
        except SentinelError as error:
            code = status_of(error).http
            raise
        finally:
            self._counts.count("infer", str(code), started_ns)
        self._counts.rows += 1
        return Prediction(probability=probability, margin=margin, digest=model.digest)


def _row(features: dict[str, float | None], model: LoadedModel) -> Rows:
    """Put the features in the order of the model's columns; a name too many or too few is refused.

    A feature that is left out could as well be one that is misspelt, so it has to be named as missing.
    """
    names = model.manifest.feature_names
    wrong = sorted(features.keys() ^ set(names))
    if wrong:
        raise refuse_request(
            f"features.{wrong[0][:64]}",
            f"{len(wrong)} names are missing or unknown",
            f"The model takes {', '.join(names[:64])}; give null for a value that is missing.",
        )
    return np.array([features[name] for name in names], dtype=np.float32)
