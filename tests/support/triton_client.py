"""Somebody else's client of the inference protocol, over both protocols.

Run as ``python -m tests.support.triton_client HTTP_PORT GRPC_PORT VERSION OTHER``; prints JSON. In a
process of its own, as its users have it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.support.model_server import NAME

ROWS = np.array([[1.5, np.nan, -2.0], [0.0, 3.0, 2.5]], dtype=np.float32)
OUTPUTS = ("probability", "margin", "contributions", "base_value")


def main(http_port: str, grpc_port: str, version: str, other: str) -> None:
    """Ask the same of both servers and print what they say."""
    http = tritonclient.http.InferenceServerClient(f"127.0.0.1:{http_port}")
    rpc = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{grpc_port}")
    said = {
        "http": ask(http, tritonclient.http, version, other),
        "grpc": ask(rpc, tritonclient.grpc, version, other),
    }
    said["http"]["as_json"] = ask_with_json(http)
    http.close()
    rpc.close()
    print(json.dumps(said))


def ask(client: Any, library: Any, version: str, other: str) -> dict[str, Any]:
    server, model = client.get_server_metadata(), client.get_model_metadata(NAME)
    by_default = client.infer(NAME, [build_input(library)], request_id="7")
    wanted = [library.InferRequestedOutput(name) for name in OUTPUTS]
    every = client.infer(NAME, [build_input(library)], version, outputs=wanted)
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(NAME),
        "version_ready": client.is_model_ready(NAME, version),
        "server": field(server, "name"),
        "versions": list(field(model, "versions")),
        "inputs": [field(tensor, "name") for tensor in field(model, "inputs")],
        "id": field(by_default.get_response(), "id"),
        "version": field(by_default.get_response(), "model_version"),
        "default": values(by_default, OUTPUTS[:2]),
        "not_asked_for": by_default.as_numpy("contributions") is None,
        "every": values(every, OUTPUTS),
        "other": values(client.infer(NAME, [build_input(library)], other), OUTPUTS[:2]),
        "unknown": refusal(client, library, "unknown"),
    }


def ask_with_json(client: Any) -> dict[str, Any]:
    """Ask the HTTP server without the extension for binary data."""
    tensor = tritonclient.http.InferInput("input", [1, 3], "FP32")
    tensor.set_data_from_numpy(ROWS[1:], binary_data=False)
    wanted = [tritonclient.http.InferRequestedOutput(n, binary_data=False) for n in OUTPUTS[:2]]
    return values(client.infer(NAME, [tensor], outputs=wanted), OUTPUTS[:2])


def build_input(library: Any) -> Any:
    tensor = library.InferInput("input", list(ROWS.shape), "FP32")
    tensor.set_data_from_numpy(ROWS)
    return tensor


def values(result: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: result.as_numpy(name).tolist() for name in names}


def refusal(client: Any, library: Any, version: str) -> str:
    try:
        client.infer(NAME, [build_input(library)], version)
    except InferenceServerException as error:
        return str(error)
    return "none"


def field(answer: Any, name: str) -> Any:
    """Read what is a dictionary over HTTP and a message over gRPC."""
    return answer[name] if isinstance(answer, dict) else getattr(answer, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
