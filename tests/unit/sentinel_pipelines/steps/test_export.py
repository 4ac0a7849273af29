"""The exported graph answers as the training library does, bit-equal alone and in a batch."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.artifacts.calibrate import calibrate
from sentinel_core.artifacts.calibration import UNCALIBRATED, Affine, Beta, PiecewiseLinear
from sentinel_core.artifacts.explain import TreeExplainer
from sentinel_core.artifacts.onnx_check import check_model
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.write import write_artifact
from sentinel_core.errors import ConfigurationError
from sentinel_pipelines.steps.export import (
    PARITY_LIMIT,
    export_classifier,
    largest_difference,
    round_down,
)
from tests.support.artifacts import make_fields, make_probe

CALIBRATIONS = [
    Affine(a=1.1, b=-0.2),
    Beta(a=0.9, b=1.2, c=0.1),
    PiecewiseLinear(points=tuple((m / 2, 0.3 * m + 0.001 * m**3) for m in range(-12, 9))),
]
FEATURE_COUNT = 8


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(12_000, FEATURE_COUNT)).astype(np.float32)
    # Coarse columns make ties at thresholds; a missing column makes splits of the missing.
    values[:, 0] = np.round(values[:, 0] * 4) / 4
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.fixture(scope="module")
def classifier(rows):
    known = np.nan_to_num(rows)
    noise = np.random.default_rng(6).normal(size=len(rows))
    fraud = known[:, 0] + known[:, 1] * known[:, 2] + np.isnan(rows[:, 3]) + noise / 2 > 2
    return HistGradientBoostingClassifier(max_iter=100, early_stopping=False).fit(rows, fraud)


@pytest.fixture(scope="module", params=CALIBRATIONS, ids=lambda c: c.kind)
def calibration(request):
    return request.param


@pytest.fixture
def loaded(classifier, calibration, rows, tmp_path):
    exported = export_classifier(classifier, calibration)
    write_artifact(
        tmp_path / "model",
        model=exported.model,
        fields=make_fields(tuple("abcdefgh"), calibration=calibration),
        probe=make_probe(exported.model, rows[:64]),
        card="# card\n",
        explainer=exported.trees,
    )
    return LoadedModel(read_artifact(tmp_path / "model"))


def test_probabilities_are_those_of_the_training_library(classifier, calibration, rows):
    exported = export_classifier(classifier, calibration)
    assert largest_difference(exported, classifier, calibration, rows[:10_000]) <= PARITY_LIMIT


def test_a_row_has_the_same_bits_alone_and_in_any_batch(loaded, rows):
    one = np.array([loaded.predict_one(row) for row in rows[:1500]], dtype=np.float32)
    for size in (1, 2, 3, 7, 64, 1500):
        margin, probability = loaded.predict(rows[:size])
        assert margin.tobytes() == one[:size, 0].tobytes()
        assert probability.tobytes() == one[:size, 1].tobytes()


def test_bits_are_equal_before_the_probability_is_rounded_to_float32(classifier, calibration, rows):
    model = onnx.load_from_string(export_classifier(classifier, calibration).model)
    exact = model.graph.node[-1].input[0]
    model.graph.output.append(helper.make_tensor_value_info(exact, TensorProto.DOUBLE, ["rows", 1]))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (batch,) = session.run([exact], {"features": rows[:3001]})
    one = [session.run([exact], {"features": row[None]})[0] for row in rows[:3001]]
    assert np.concatenate(one).tobytes() == batch.tobytes()


def test_calibration_in_the_graph_is_that_in_numpy(loaded, calibration, rows):
    margin, probability = loaded.predict(rows)
    expected = calibrate(calibration, margin.astype(np.float64))
    np.testing.assert_allclose(probability, expected, rtol=1e-6)


def test_small_probabilities_are_not_tied(classifier, rows):
    probe = make_probe(export_classifier(classifier, Affine(a=6.0, b=-10.0)).model, rows[:64])
    by_margin = np.array(probe.probability)[np.argsort(probe.margin)]
    assert by_margin[0] < 1e-24
    assert (np.diff(by_margin) > 0).sum() == len(set(probe.margin)) - 1


def test_contributions_add_up_to_the_margin(classifier, rows):
    exported = export_classifier(classifier, UNCALIBRATED)
    explainer = TreeExplainer(exported.trees, FEATURE_COUNT)
    raw = classifier.decision_function(rows[:200])
    sums = [explainer.base + explainer.contributions(row).sum() for row in rows[:200]]
    np.testing.assert_allclose(sums, raw, atol=1e-5)


def test_the_graph_passes_the_checks_of_a_server(classifier):
    exported = export_classifier(classifier, UNCALIBRATED)
    assert check_model(exported.model, FEATURE_COUNT) == "features"


def test_a_threshold_takes_the_same_branch_for_every_float32():
    thresholds = np.random.default_rng(1).normal(size=1000)
    rounded = round_down(thresholds)
    for x in (rounded, np.nextafter(rounded, np.float32(np.inf))):
        assert ((x <= rounded) == (x.astype(np.float64) <= thresholds)).all()


def test_the_classifier_is_left_as_it_was(classifier, rows):
    before = classifier.predict_proba(rows)
    export_classifier(classifier, UNCALIBRATED)
    assert before.tobytes() == classifier.predict_proba(rows).tobytes()


def test_thresholds_between_two_float32_decide_as_in_training():
    x = np.array([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], dtype=np.float32)
    rows = np.repeat(x, 100, axis=0)
    classifier = HistGradientBoostingClassifier(max_iter=1).fit(rows, [0] * 100 + [1] * 100)
    exported = export_classifier(classifier, UNCALIBRATED)
    assert largest_difference(exported, classifier, UNCALIBRATED, x) <= PARITY_LIMIT


def test_three_classes_are_refused(rows):
    three = HistGradientBoostingClassifier(max_iter=1).fit(rows[:90], [0, 1, 2] * 30)
    with pytest.raises(ConfigurationError):
        export_classifier(three, UNCALIBRATED)


def test_categorical_features_are_refused():
    rows = np.tile(np.arange(5, dtype=np.float32), 20)[:, None]
    labels = [0, 1] * 50
    fitted = HistGradientBoostingClassifier(max_iter=1, categorical_features=[0]).fit(rows, labels)
    with pytest.raises(ConfigurationError):
        export_classifier(fitted, UNCALIBRATED)
