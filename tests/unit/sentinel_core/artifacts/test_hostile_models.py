"""Hostile ONNX files: each is refused with its own reason before the runtime sees it."""

import os
import pickle

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.artifacts import (
    make_model,
    write_small_artifact,
)
from tests.support.hostile import linear, reason_of, rewrite, with_model


@pytest.fixture
def folder(tmp_path):
    write_small_artifact(tmp_path / "model")
    return tmp_path / "model"


def external(tensor, place="/etc/passwd"):
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=place)
    return tensor


def sparse_weights():
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "w_indices")
    return helper.make_sparse_tensor(values, indices, [3, 1])


def test_a_model_that_is_no_onnx(folder):
    assert reason_of(rewrite(folder, model_onnx=b"\x80\x04not onnx at all")) == "NotOnnx"


def test_an_empty_model(folder):
    assert reason_of(rewrite(folder, model_onnx=b"")) == "NotOnnx"


def test_a_pickled_model(folder):
    assert reason_of(rewrite(folder, model_onnx=pickle.dumps(os.system))) == "NotOnnx"


def test_a_model_that_parses_but_does_not_run(folder):
    model = linear()
    model.graph.node[0].op_type = "NoSuchOperator"
    assert reason_of(with_model(folder, model)) == "NotOnnx"


def test_external_data_of_a_dense_tensor(folder):
    model = linear()
    external(model.graph.initializer[0])
    assert reason_of(with_model(folder, model)) == "ExternalData"


def test_external_data_that_is_named_but_not_declared(folder):
    model = linear()
    model.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    assert reason_of(with_model(folder, model)) == "ExternalData"


@pytest.mark.parametrize("part", ["values", "indices"])
def test_external_data_of_a_sparse_tensor(folder, part):
    sparse = sparse_weights()
    external(getattr(sparse, part))
    model = linear(sparse_initializer=[sparse])
    assert reason_of(with_model(folder, model)) == "ExternalData"


def test_external_data_of_a_tensor_in_an_attribute(folder):
    tensor = external(numpy_helper.from_array(np.zeros(1, np.float32), "c"))
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_external_data_of_a_sparse_tensor_in_an_attribute(folder):
    sparse = sparse_weights()
    external(sparse.values)
    node = helper.make_node("Constant", [], ["c"], sparse_value=sparse)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_external_data_in_a_graph_within_a_graph(folder):
    tensor = external(numpy_helper.from_array(np.zeros(1, np.float32), "c"))
    branch = helper.make_graph([], "branch", [], [], initializer=[tensor])
    node = helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_a_foreign_operator(folder):
    node = helper.make_node("Inverse", ["features"], ["x"], domain="com.microsoft")
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenDomain"


def test_a_foreign_operator_in_a_graph_within_a_graph(folder):
    inner = helper.make_graph([helper.make_node("Evil", [], ["x"], domain="evil")], "b", [], [])
    middle = helper.make_node("If", ["yes"], ["x"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph([middle], "a", [], [])
    node = helper.make_node("If", ["yes"], ["x"], then_branch=outer, else_branch=outer)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenDomain"


def test_a_foreign_operator_in_a_function(folder):
    model = linear()
    evil = helper.make_node("Evil", ["x"], ["y"], domain="evil")
    opsets = [helper.make_opsetid("", 21)]
    model.functions.append(helper.make_function("ai.onnx", "Twice", ["x"], ["y"], [evil], opsets))
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


def test_a_function_of_a_foreign_domain(folder):
    model = linear()
    node = helper.make_node("Add", ["x", "x"], ["y"])
    opsets = [helper.make_opsetid("", 21)]
    model.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], [node], opsets))
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


def test_an_import_of_a_foreign_domain(folder):
    model = linear()
    model.opset_import.add(domain="com.microsoft", version=1)
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


@pytest.mark.parametrize(("domain", "version"), [("", 23), ("ai.onnx.ml", 6), ("", 0), ("", -1)])
def test_an_opset_that_is_not_served(folder, domain, version):
    model = linear()
    model.opset_import.add(domain=domain, version=version)
    assert reason_of(with_model(folder, model)) == "UnsupportedOpset"


def test_a_loop_that_could_run_for_ever(folder):
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("Loop", ["", ""], ["x"], body=body)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenOperator"


def test_a_training_graph(folder):
    model = linear()
    model.training_info.add()
    assert reason_of(with_model(folder, model)) == "ForbiddenOperator"


def test_more_nodes_than_a_model_needs(folder):
    nodes = [helper.make_node("Identity", ["features"], [f"n{n}"]) for n in range(10_001)]
    assert reason_of(with_model(folder, linear(extra_nodes=nodes))) == "ArtifactTooLarge"


def test_more_graphs_than_a_model_needs(folder):
    branch = helper.make_graph([], "branch", [], [])
    node = helper.make_node("If", ["yes"], ["x"], then_branch=branch, else_branch=branch)
    assert reason_of(with_model(folder, linear(extra_nodes=[node] * 40))) == "ArtifactTooLarge"


def test_an_input_of_another_width(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_an_input_of_another_type(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_an_input_for_one_row_only(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 16
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_two_inputs(folder):
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["rows", 3]))
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_of_another_shape(folder):
    model = linear()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_of_another_name(folder):
    model = linear()
    model.graph.output[0].name = "label"
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_that_lie_about_their_shape(folder):
    nodes = [
        helper.make_node("ReduceSum", ["features"], ["margin"], keepdims=0),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    model = make_model(nodes)
    for output in model.graph.output:
        del output.type.tensor_type.shape.dim[1]
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"
