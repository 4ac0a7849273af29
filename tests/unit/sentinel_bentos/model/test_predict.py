"""One row by the names of its features."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sentinel_bentos.model.predict import Prediction, Predictor
from sentinel_core.errors import InvalidRequestError, NotFoundError, NotReadyError
from tests.support.application import become
from tests.support.model_application import ModelFolder, sample, serving_model

ROW = {"amount": 1.5, "card_count_1d": None, "terminal_risk_28d": -2.0}


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


def predict(models, features, version="", *, ready=True):
    async def ask():
        if ready:
            models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready or serving.served()["reason"])
            try:
                return Predictor(serving).predict(features, version), serving
            except Exception as error:
                error.serving = serving
                raise

    return asyncio.run(ask())


def test_a_row_is_scored_whatever_order_its_features_come_in(models):
    artifact = models.write(1)
    row = np.array([1.5, np.nan, -2.0], dtype=np.float32)
    margin, probability = models.load(artifact).predict_one(row)
    expected = Prediction(probability=probability, margin=margin, digest=artifact["digest"])
    assert expected == predict(models, dict(reversed(ROW.items())))[0]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({}, "features.amount: 3 names are missing or unknown"),
        (ROW | {"amuont": 1.0}, "features.amuont: 1 names are missing or unknown"),
    ],
)
def test_names_too_many_or_too_few_are_refused_with_those_there_are(models, features, words):
    with pytest.raises(InvalidRequestError) as raised:
        predict(models, features)
    assert words in str(raised.value)
    assert "The model takes amount, card_count_1d, terminal_risk_28d" in str(raised.value)


def test_an_unknown_version_is_not_found(models):
    with pytest.raises(NotFoundError):
        predict(models, ROW, "1")


def test_before_a_model_is_loaded_it_is_to_be_tried_again(models):
    with pytest.raises(NotReadyError):
        predict(models, ROW, ready=False)


def test_predictions_are_counted_with_their_codes(models):
    _, serving = predict(models, ROW)
    with pytest.raises(NotFoundError) as raised:
        predict(models, ROW, "1")
    requests = "sentinel_model_requests_total"
    counted = [
        sample(where, requests, protocol="predict", operation="infer", code=code)
        for where, code in ((serving, "200"), (raised.value.serving, "404"))
    ]
    assert counted == [1, 1]
