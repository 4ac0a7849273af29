"""Models that do not answer as their probe says, and explainers that are no trees."""

import io
import os

import numpy as np
import pytest
from onnx import numpy_helper

from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from tests.support.artifacts import (
    random_trees,
    tree_model,
    write_small_artifact,
)
from tests.support.hostile import (
    linear,
    reason_of,
    rewrite,
    with_model,
)


@pytest.fixture
def folder(tmp_path):
    write_small_artifact(tmp_path / "model")
    return tmp_path / "model"


def plain_probe(**changes):
    given = {"inputs": ((0.0, 0.0, 0.0),), "margin": (0.0,), "probability": (0.5,)}
    return Probe(**given | changes).to_bytes()


def without_explainer(folder, **files):
    for path in (folder / "explainer").iterdir():
        path.unlink()
    return rewrite(folder, **files)


def test_a_sound_model_without_trees_is_taken(folder):
    model = linear().SerializeToString()
    sound = without_explainer(folder, model_onnx=model, probe_json=plain_probe())
    assert LoadedModel(read_artifact(sound)).explainer is None


def test_outputs_that_are_not_numbers(folder):
    nan = numpy_helper.from_array(np.full((3, 1), np.nan, np.float32), "w")
    model = linear(initializer=[nan]).SerializeToString()
    hostile = without_explainer(folder, model_onnx=model, probe_json=plain_probe())
    assert reason_of(hostile) == "NotFinite"


def test_a_probability_over_one(folder):
    model = linear()
    model.graph.node[1].op_type = "Exp"
    weights = numpy_helper.from_array(np.ones((3, 1), np.float32), "w")
    model.graph.initializer[0].CopyFrom(weights)
    probe = plain_probe(inputs=((1.0, 1.0, 1.0),))
    hostile = without_explainer(folder, model_onnx=model.SerializeToString(), probe_json=probe)
    assert reason_of(hostile) == "NotFinite"


@pytest.mark.parametrize("changes", [{"margin": (0.1,)}, {"probability": (0.6,)}])
def test_a_model_that_answers_other_than_in_training(folder, changes):
    model = linear().SerializeToString()
    hostile = without_explainer(folder, model_onnx=model, probe_json=plain_probe(**changes))
    assert reason_of(hostile) == "ProbeMismatch"


def test_a_probe_of_another_width(folder):
    model = linear().SerializeToString()
    probe = plain_probe(inputs=((0.0, 0.0),))
    hostile = without_explainer(folder, model_onnx=model, probe_json=probe)
    assert reason_of(hostile) == "SchemaMismatch"


@pytest.mark.parametrize(
    "probe",
    [
        b"", b"[]", b'{"inputs":[],"margin":[],"probability":[]}',
        b'{"inputs":[[0,0,0]],"margin":[0],"probability":[0.5],"probabilityTolerance":1}',
        b'{"inputs":[[0,0,0]],"margin":[0],"probability":[2]}',
        b'{"inputs":[[0,0,0]],"margin":[NaN],"probability":[0.5]}',
        b'{"inputs":[[0,0,0]],"margin":[0,0],"probability":[0.5]}',
    ],
)  # fmt: skip
def test_a_probe_that_proves_nothing(folder, probe):
    assert reason_of(rewrite(folder, probe_json=probe)) == "ProbeInvalid"


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def replace_array(folder, name, data):
    (folder / f"explainer/{name}.npy").write_bytes(data)
    return rewrite(folder)


def test_a_pickle_in_an_array(folder):
    data = npy(np.array([os.system], dtype=object), allow_pickle=True)
    assert reason_of(replace_array(folder, "value", data)) == "ExplainerInvalid"


def test_an_array_header_that_promises_more_than_there_is(folder):
    data = npy(np.zeros(8))
    huge = data.replace(b"(8,), }" + b" " * 12, b"(8000000000000,), }")
    assert len(huge) == len(data)
    assert reason_of(replace_array(folder, "value", huge)) == "ExplainerInvalid"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x93NUMPY", b"not an array", npy(np.zeros(3)), npy(np.zeros(3, ">f8")),
        npy(np.asfortranarray(np.zeros((2, 2)))), npy(np.zeros(3), version=(2, 0)),
    ],
)  # fmt: skip
def test_an_array_that_does_not_belong(folder, data):
    assert reason_of(replace_array(folder, "value", data)) == "ExplainerInvalid"


def test_an_unknown_array(folder):
    assert reason_of(replace_array(folder, "hook", npy(np.zeros(1)))) == "ExplainerInvalid"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", np.zeros_like),
        ("right", lambda a: np.full_like(a, 2**31 - 1)),
        ("feature", lambda a: np.where(a >= 0, a - 5, a)),
        ("feature", lambda a: np.where(a >= 0, a + 50, a)),
        ("cover", lambda a: a * 0.0),
        ("value", lambda a: a * np.nan),
        ("threshold", lambda a: a * np.float32(np.nan)),
        ("roots", lambda a: a[:1]),
        ("roots", lambda a: -a),
    ],
)
def test_arrays_that_are_no_trees(folder, name, change):
    array = np.load(folder / f"explainer/{name}.npy")
    data = npy(change(array).astype(array.dtype))
    assert reason_of(replace_array(folder, name, data)) == "ExplainerInvalid"


def test_an_explainer_of_another_model(folder):
    other = random_trees(np.random.default_rng(99))
    for name, array in other.to_arrays().items():
        (folder / f"explainer/{name}.npy").write_bytes(npy(array))
    assert reason_of(rewrite(folder)) == "ProbeMismatch"


def test_a_model_of_other_trees_than_it_was_probed_with(folder):
    model = tree_model(random_trees(np.random.default_rng(99)))
    assert reason_of(with_model(folder, model)) == "ProbeMismatch"
