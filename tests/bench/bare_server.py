"""The least that serves the same model by the same protocol, to measure the model server against.

Run as ``python -m tests.bench.bare_server http|grpc MODEL PORT``. Nothing is checked and nothing is
counted; both answer with margin and probability, as the model server does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import msgspec
import numpy as np
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentinel_core.artifacts.onnx_check import OUTPUTS
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.oip import open_inference_pb2 as pb
from sentinel_core.oip import open_inference_pb2_grpc as pb_grpc

PATH = "/v2/models/bench/infer"
Score = Callable[[Any], list[Any]]


class Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Infer(msgspec.Struct):
    inputs: list[Tensor]


def load(model: Path) -> Score:
    """Return a bare call of ONNX Runtime, with one thread as the model server has it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    return lambda rows: session.run(OUTPUTS, {entry: rows})


def build_http_app(score: Score) -> Starlette:
    decode = msgspec.json.Decoder(Infer).decode
    encode = msgspec.json.Encoder().encode

    async def infer(request: Request) -> Response:
        tensor = decode(await request.body()).inputs[0]
        rows = np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)
        outputs = [
            {"name": name, "shape": [len(rows)], "datatype": "FP32", "data": v.ravel().tolist()}
            for name, v in zip(OUTPUTS, score(rows), strict=True)
        ]
        answer = encode({"model_name": "bench", "outputs": outputs})
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route(PATH, infer, methods=["POST"])])


class Servicer(pb_grpc.GRPCInferenceServiceServicer):
    def __init__(self, score: Score) -> None:
        self._score = score

    async def ModelInfer(self, request: Any, _: Any) -> Any:  # noqa: N802
        rows = np.frombuffer(request.raw_input_contents[0], dtype=np.float32)
        rows = rows.reshape(tuple(request.inputs[0].shape))
        answer = pb.ModelInferResponse(model_name="bench", id=request.id)
        for name, values in zip(OUTPUTS, self._score(rows), strict=True):
            answer.outputs.add(name=name, datatype="FP32", shape=[len(rows)])
            answer.raw_output_contents.append(values.tobytes())
        return answer


async def serve_grpc(score: Score, port: int) -> None:
    server = grpc.aio.server()
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(score), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main(kind: str, model: str, port: str) -> None:
    score = load(Path(model))
    if kind == "http":
        uvicorn.run(
            build_http_app(score), port=int(port), log_config=None, access_log=False, lifespan="off"
        )
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_grpc(score, int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
