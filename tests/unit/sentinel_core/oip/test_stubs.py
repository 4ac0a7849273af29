"""The stubs are what protoc makes of the .proto, and stand beside those of other clients."""

from __future__ import annotations

import subprocess
import sys

from sentinel_core.oip import generate
from sentinel_core.oip.generate import main

BOTH = """
from sentinel_core.oip import open_inference_pb2 as ours
from tritonclient.grpc import service_pb2 as theirs

request = ours.ModelInferRequest(model_name="fraud", model_version="1", id="7")
request.parameters["binary"].bool_param = True
request.parameters["share"].double_param = 0.5
tensor = request.inputs.add(name="input", datatype="FP32", shape=[1, 2])
tensor.contents.fp32_contents.extend([1.0, 2.0])
request.outputs.add(name="margin")
request.raw_input_contents.append(b"1234")
answer = ours.ModelInferResponse(model_name="fraud", model_version="1", id="7")
answer.outputs.add(name="margin", datatype="FP32", shape=[1])
answer.raw_output_contents.append(b"1234")
metadata = ours.ModelMetadataResponse(name="fraud", versions=["1"], platform="onnx")
metadata.inputs.add(name="input", datatype="FP32", shape=[-1, 2])
for message in (request, answer, metadata):
    there = getattr(theirs, type(message).__name__).FromString(message.SerializeToString())
    assert {f.name for f, _ in there.ListFields()} == {f.name for f, _ in message.ListFields()}
    assert str(there) == str(message)
    assert type(message).FromString(there.SerializeToString()) == message
"""


def test_another_client_s_messages_can_be_loaded_beside_ours_and_mean_the_same():
    ran = subprocess.run([sys.executable, "-c", BOTH], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_stubs_are_fresh():
    assert main(["--check"]) == 0


def test_a_stale_stub_is_told(monkeypatch, capsys):
    fresh = generate.generate()
    (stub,) = [path for path in fresh if path.suffix == ".pyi"]
    monkeypatch.setattr(generate, "generate", lambda: {**fresh, stub: "another"})
    assert main(["--check"]) == 1
    assert f"{stub} is stale. Write it anew: ./task gen:proto" in capsys.readouterr().err
