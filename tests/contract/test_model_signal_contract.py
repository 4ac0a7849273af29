"""A model gives the same signal wherever it is evaluated."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from sentinel_core.artifacts.manifest import ModelInput
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.clock import SystemClock
from sentinel_core.errors import ArtifactError
from sentinel_core.oip.client import ModelServer
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.model import ModelUse, OnFailure
from sentinel_core.signals.remote import RemoteModel
from tests.support.artifacts import FEATURES, random_rows, write_small_artifact
from tests.support.oip_servers import NAME, model_server

VECTOR = (1.5, float("nan"), 3.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(tmp_path_factory.mktemp("artifacts") / "model")


def load(folder, **changes):
    write_small_artifact(folder, **changes)
    return LoadedModel(read_artifact(folder))


def make_use(model, **changes):
    given = {
        "feature_names": FEATURES,
        "deadline_us": 60_000_000,
        "on_failure": OnFailure(),
        "phrases": {},
    }
    return ModelUse("fraud", model.manifest, **given | changes)


@asynccontextmanager
async def inline(model, use):
    yield InlineModel(use, model, SystemClock())


@asynccontextmanager
async def remote(model, use):
    async with model_server(model) as url:
        server = ModelServer(url)
        yield RemoteModel(
            use, server, model_name=NAME, digest=model.digest,
            has_trees=model.explainer is not None, clock=SystemClock(),
        )  # fmt: skip
        await server.close()


@pytest.fixture(params=[inline, remote])
def ask(request, model):
    """Return a function that places a model, asks it for vectors and returns its signals."""

    def ask_it(*vectors, model=model, history_lost=False, explain=False, **changes):
        async def run():
            async with request.param(model, make_use(model, **changes)) as signal:
                return [
                    await signal.ask(v, history_lost=history_lost, explain=explain, until_ns=None)
                    for v in vectors
                ]

        return asyncio.run(run())

    return ask_it


def test_the_score_is_the_calibrated_probability_and_raw_the_margin(ask, model):
    (signal,) = ask(VECTOR)
    margin, probability = model.predict_one(np.array(VECTOR, np.float32))
    assert (signal.name, signal.status, signal.score, signal.raw, signal.reasons) == (
        "fraud", "ok", probability, margin, (),
    )  # fmt: skip


def test_every_row_has_the_bits_that_the_model_gives_it(ask, model):
    rows = random_rows(np.random.default_rng(3), 50)
    expected = [model.predict_one(row) for row in rows]
    signals = ask(*(tuple(map(float, row)) for row in rows))
    assert [(s.raw, s.score) for s in signals] == expected


def test_columns_are_found_by_name(ask):
    reordered = ask((9.0, *reversed(VECTOR)), feature_names=("hour", *reversed(FEATURES)))
    assert reordered == ask(VECTOR)


def test_a_feature_that_the_vector_lacks_is_refused(ask):
    with pytest.raises(ArtifactError) as refused:
        ask(VECTOR, feature_names=("amount", "hour"))
    assert refused.value.reason == "SchemaMismatch"


def test_reasons_come_where_they_are_asked_for_and_add_up_to_the_margin(ask, model):
    (signal,) = ask(VECTOR, explain=True)
    total = sum(reason.weight for reason in signal.reasons) + model.explainer.base
    assert total == pytest.approx(signal.raw, abs=1e-5)
    weights = model.explainer.contributions(np.array(VECTOR, np.float32)).astype(np.float32)
    assert sorted((w for w in weights.tolist() if w), reverse=True) == [
        reason.weight for reason in signal.reasons
    ]


def test_reasons_say_values_in_the_words_of_the_spec(ask):
    (signal,) = ask(VECTOR, explain=True, phrases={"amount": lambda v: f"a payment of {v:g}"})
    texts = {reason.code: reason.text for reason in signal.reasons}
    assert texts["feature:amount"] == "A payment of 1.5."
    assert texts["feature:terminal_risk_28d"] == "Terminal_risk_28d is 3."


@pytest.mark.parametrize(
    ("on_failure", "score", "outcome"),
    [
        (OnFailure("Skip"), None, None),
        (OnFailure("Score", 0.4), 0.4, None),
        (OnFailure("FailClosed"), None, "block"),
    ],
)
def test_a_model_that_reads_history_is_absent_without_it(ask, on_failure, score, outcome):
    (signal,) = ask(VECTOR, history_lost=True, on_failure=on_failure)
    assert (signal.status, signal.score, signal.hard_outcome) == ("absent", score, outcome)


def test_lost_history_does_not_matter_to_a_model_that_reads_none(ask, tmp_path):
    inputs = tuple(ModelInput(name=name) for name in FEATURES)
    plain = load(tmp_path / "model", inputs=inputs)
    (signal,) = ask(VECTOR, model=plain, history_lost=True)
    assert signal.status == "ok"
