"""Tensors of the Open Inference Protocol come out as they went in, or are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip.tensors import (
    InvalidTensorError,
    build_request,
    build_response,
    parse_outputs,
    parse_rows,
)

ROWS = np.array([[1.5, np.nan, -0.0], [3.0, 4.0, 1e-40]], dtype=np.float32)
VERSION = f"sha256:{'0' * 64}"


def request(**changes):
    built = build_request("fraud", VERSION, ROWS)
    for name, value in changes.items():
        setattr(built.inputs[0], name, value)
    return built


def typed_request(values):
    built = pb.ModelInferRequest(model_name="fraud")
    tensor = built.inputs.add(name="input", datatype="FP32", shape=[2, 3])
    tensor.contents.fp32_contents.extend(values)
    return built


def refusal(built, max_rows=2):
    with pytest.raises(InvalidTensorError) as raised:
        parse_rows(built, feature_count=3, max_rows=max_rows)
    return str(raised.value)


def test_rows_keep_every_bit_on_their_way():
    received = pb.ModelInferRequest.FromString(request().SerializeToString())
    assert parse_rows(received, 3, 2).tobytes() == ROWS.tobytes()


def test_rows_may_come_as_numbers():
    assert parse_rows(typed_request(ROWS.ravel()), 3, 2).tobytes() == ROWS.tobytes()


def test_rows_that_are_a_slice_of_a_larger_matrix_are_sent_row_by_row():
    wide = np.arange(12, dtype=np.float32).reshape(2, 6)
    built = build_request("fraud", VERSION, wide[:, ::2])
    assert parse_rows(built, 3, 2).tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]


def test_a_request_names_model_version_id_and_wanted_outputs():
    built = build_request("fraud", VERSION, ROWS, outputs=("margin",), request_id="7")
    named = (built.model_name, built.model_version, built.id, [o.name for o in built.outputs])
    assert named == ("fraud", VERSION, "7", ["margin"])


@pytest.mark.parametrize("raw", [True, False])
def test_outputs_keep_every_bit_and_their_shape(raw):
    outputs = {"margin": ROWS[:, 0], "contributions": ROWS}
    built = build_response("fraud", VERSION, outputs, request_id="7", raw=raw)
    found = parse_outputs(pb.ModelInferResponse.FromString(built.SerializeToString()))
    assert {n: (v.shape, v.tobytes()) for n, v in found.items()} == {
        n: (v.shape, v.tobytes()) for n, v in outputs.items()
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "amount"}, "The inputs are amount; the model takes one, input."),
        ({"datatype": "FP64"}, "input is of FP64, not FP32."),
        ({"datatype": ""}, "input is of no type, not FP32."),
    ],
)
def test_a_tensor_of_another_name_or_type_is_refused(changes, words):
    assert refusal(request(**changes)).startswith(words)


@pytest.mark.parametrize("shape", [[], [6], [2, 3, 1], [3, 2], [0, 3], [-1, 3], [2, -3]])
def test_a_tensor_of_another_shape_is_refused(shape):
    built = request()
    built.inputs[0].shape[:] = shape
    assert refusal(built).startswith(f"The shape of input is {shape}, not [rows, 3].")


def test_more_rows_than_the_server_takes_are_refused():
    assert refusal(request(), max_rows=1).startswith("There are 2 rows; the server takes 1 at once")


def test_a_shape_that_promises_huge_contents_is_refused_before_any_are_made():
    built = request()
    built.inputs[0].shape[:] = [2**62, 3]
    assert f"There are {2**62} rows" in refusal(built)


def test_a_request_without_inputs_is_refused():
    assert refusal(pb.ModelInferRequest()).startswith("The inputs are none")


def test_a_request_with_two_inputs_is_refused():
    built = request()
    built.inputs.add(name="more")
    assert refusal(built).startswith("The inputs are input, more;")


@pytest.mark.parametrize("raw", [b"", b"1234567", ROWS.tobytes() + b"\0"])
def test_raw_contents_of_another_length_are_refused(raw):
    built = request()
    built.raw_input_contents[0] = raw
    assert refusal(built).startswith(f"input has {len(raw)} bytes; its shape [2, 3] needs 24.")


def test_typed_contents_of_another_length_are_refused():
    assert refusal(typed_request([1.0])).startswith("input has 1 values; its shape needs 6.")


def test_contents_in_both_forms_are_refused():
    built = request()
    built.inputs[0].contents.fp32_contents.append(1.0)
    assert "contents in both forms" in refusal(built)


def test_a_second_raw_content_is_refused():
    built = request()
    built.raw_input_contents.append(b"")
    assert refusal(built).startswith("2 raw contents are given for one input")


def test_an_answer_with_too_few_raw_contents_is_refused():
    answer = build_response("fraud", VERSION, {"margin": ROWS[:, 0], "probability": ROWS[:, 1]})
    del answer.raw_output_contents[1]
    with pytest.raises(InvalidTensorError, match="1 raw contents for 2 outputs"):
        parse_outputs(answer)


def test_an_answer_of_another_type_is_refused():
    answer = build_response("fraud", VERSION, {"margin": ROWS[:, 0]})
    answer.outputs[0].datatype = "FP64"
    with pytest.raises(InvalidTensorError, match="margin is of FP64, not FP32"):
        parse_outputs(answer)


def test_an_answer_whose_contents_do_not_fit_its_shape_is_refused():
    answer = build_response("fraud", VERSION, {"margin": ROWS[:, 0]}, raw=False)
    answer.outputs[0].shape[:] = [-2]
    with pytest.raises(InvalidTensorError, match="margin has 2 values; its shape needs -2"):
        parse_outputs(answer)
