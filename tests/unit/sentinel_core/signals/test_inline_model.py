"""The signal of a model in this process answers on time and in range, or says why it did not."""

import logging

import numpy as np
import pytest
from onnx import helper, numpy_helper

from sentinel_core.artifacts.manifest import ModelInput
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.write import write_artifact
from sentinel_core.clock import FixedClock, SystemClock
from sentinel_core.errors import ArtifactError
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.model import ModelUse, OnFailure
from tests.support.artifacts import (
    FEATURES,
    make_fields,
    make_model,
    write_small_artifact,
)

VECTOR = (1.5, float("nan"), 3.0)


class SlowClock(FixedClock):
    """A clock on which every reading is 7 ms after the one before."""

    def elapsed_ns(self):
        self.put(self.now_us() + 7000)
        return self.now_us() * 1000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts") / "model"
    write_small_artifact(folder)
    return LoadedModel(read_artifact(folder))


def make_signal(model, *, clock=None, **changes):
    given = {
        "feature_names": FEATURES,
        "deadline_us": 10_000,
        "on_failure": OnFailure(),
        "phrases": {},
    }
    use = ModelUse("fraud", model.manifest, **given | changes)
    return InlineModel(use, model, clock or FixedClock(0))


def test_a_score_is_the_calibrated_probability_and_raw_the_margin(model):
    signal = make_signal(model).evaluate(VECTOR, history_lost=False)
    margin, probability = model.predict_one(np.array(VECTOR, np.float32))
    assert (signal.status, signal.score, signal.raw) == ("ok", probability, margin)


def test_columns_are_found_by_name(model):
    reordered = make_signal(model, feature_names=("hour", *reversed(FEATURES)))
    expected = make_signal(model).evaluate(VECTOR, history_lost=False)
    assert reordered.evaluate((9.0, *reversed(VECTOR)), history_lost=False) == expected


def test_a_feature_that_the_vector_lacks_is_refused(model):
    with pytest.raises(ArtifactError) as refused:
        make_signal(model, feature_names=("amount", "hour"))
    assert refused.value.reason == "SchemaMismatch"


def test_lost_history_leaves_the_model_absent(model):
    signal = make_signal(model)
    lost = signal.evaluate(VECTOR, history_lost=True)
    assert (lost.status, lost.score) == ("absent", None)


def test_lost_history_does_not_matter_to_a_model_that_reads_none(tmp_path):
    inputs = tuple(ModelInput(name=name) for name in FEATURES)
    write_small_artifact(tmp_path / "model", inputs=inputs)
    signal = make_signal(LoadedModel(read_artifact(tmp_path / "model")))
    assert signal.evaluate(VECTOR, history_lost=True).status == "ok"


def test_an_answer_after_the_deadline_is_dropped(model):
    signal = make_signal(model, clock=SlowClock(0), deadline_us=6_999)
    late = signal.evaluate(VECTOR, history_lost=False)
    assert (late.status, late.score, late.raw) == ("late", None, None)
    assert late.reasons[0].text == "Model fraud took 7000 us, over its deadline of 6999 us"


def test_an_answer_at_the_deadline_counts(model):
    signal = make_signal(model, clock=SlowClock(0), deadline_us=7_000)
    assert signal.evaluate(VECTOR, history_lost=False).status == "ok"


def test_a_model_that_raises_is_recorded_and_logged(model, caplog):
    with caplog.at_level(logging.ERROR):
        failed = make_signal(model).evaluate((1.0,), history_lost=False)
    assert (failed.status, failed.score) == ("failed", None)
    assert failed.reasons[0].text == "Model fraud failed: InvalidArgument"
    assert caplog.records[0].exc_info is not None


def test_a_row_for_which_the_model_has_no_number_fails_alone(tmp_path, caplog):
    signal = make_signal(model_with_a_hole(tmp_path))
    rows = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    with caplog.at_level(logging.CRITICAL):
        statuses = [signal.evaluate(row, history_lost=False).status for row in rows]
    assert statuses == ["ok", "failed", "ok"]


def model_with_a_hole(tmp_path):
    """A model that answers NaN where the first feature is 1."""
    weights = numpy_helper.from_array(np.array([[1.0], [0.0], [0.0]], np.float32), "w")
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    nodes = [
        helper.make_node("MatMul", ["features", "w"], ["x"]),
        helper.make_node("Sub", ["one", "x"], ["y"]),
        helper.make_node("Div", ["y", "y"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    write_artifact(
        tmp_path / "hole",
        model=make_model(nodes, initializer=[weights, one]).SerializeToString(),
        fields=make_fields(),
        probe=Probe(inputs=((0.0, 0.0, 0.0),), margin=(1.0,), probability=(0.7310586,)),
        card="",
    )
    return LoadedModel(read_artifact(tmp_path / "hole"))


@pytest.mark.parametrize(
    ("on_failure", "score", "outcome"),
    [
        (OnFailure("Skip"), None, None),
        (OnFailure("Score", 0.4), 0.4, None),
        (OnFailure("FailClosed"), None, "block"),
    ],
)
@pytest.mark.parametrize("history_lost", [True, False])
def test_a_model_without_an_answer_is_replaced_as_declared(
    model, on_failure, score, outcome, history_lost
):
    signal = make_signal(model, on_failure=on_failure, clock=SlowClock(0), deadline_us=0)
    missing = signal.evaluate(VECTOR, history_lost=history_lost)
    assert missing.status == ("absent" if history_lost else "late")
    assert (missing.score, missing.hard_outcome) == (score, outcome)


def test_reasons_carry_log_odds_that_add_up_to_the_margin(model):
    signal = make_signal(model, clock=SystemClock())
    reasons = signal.explain(VECTOR)
    raw = signal.evaluate(VECTOR, history_lost=False).raw
    assert sum(r.weight for r in reasons) + model.explainer.base == pytest.approx(raw, abs=1e-5)
    assert [r.weight for r in reasons] == sorted((r.weight for r in reasons), reverse=True)


def test_reasons_say_values_in_the_words_of_the_spec(model):
    signal = make_signal(model, phrases={"amount": lambda value: f"a payment of {value:g}"})
    texts = {r.code: r.text for r in signal.explain(VECTOR)}
    assert texts["feature:amount"] == "A payment of 1.5."
    assert texts["feature:terminal_risk_28d"] == "Terminal_risk_28d is 3."
