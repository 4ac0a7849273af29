"""Clients of a model server that ask again and again, and keep what they were told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
import httpx
import numpy as np

from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from sentinel_core.oip.tensors import build_request, parse_outputs
from tests.support.grpc_channel import OWN_CONNECTION
from tests.support.model_server import NAME, infer_body

DEADLINE_SECONDS = 60


class Told(NamedTuple):
    """The version that answered, and the margins as bytes."""

    version: str
    margin: bytes


class Client(threading.Thread):
    """Asks until it is stopped, or is sent away by the server."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = threading.Event()
        self.answers: list[Told] = []
        self.failures: list[str] = []


class HttpClient(Client):
    """One kept-alive connection; an answer with ``Connection: close`` sends it away."""

    def __init__(self, url: str, rows: Any) -> None:
        super().__init__()
        self._client = httpx.Client(base_url=url, timeout=DEADLINE_SECONDS, verify=False)
        nested = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
        self._body = infer_body(nested)

    def run(self) -> None:
        with self._client as client:
            while not self.stopping.is_set():
                try:
                    answer = client.post(f"/v2/models/{NAME}/infer", json=self._body)
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    return
                if answer.status_code != httpx.codes.OK:
                    self.failures.append(answer.text)
                    return
                self.answers.append(_told(answer.json()))
                if answer.headers.get("connection") == "close":
                    return


class GrpcClient(Client):
    """One connection; it is sent away when nobody listens for the next one."""

    def __init__(self, port: int, rows: Any) -> None:
        super().__init__()
        self._address = f"127.0.0.1:{port}"
        self._request = build_request(NAME, "", rows)

    def run(self) -> None:
        with grpc.insecure_channel(self._address, options=OWN_CONNECTION) as channel:
            stub = GRPCInferenceServiceStub(channel)
            while not self.stopping.is_set():
                try:
                    answer = stub.ModelInfer(self._request, timeout=DEADLINE_SECONDS)
                except grpc.RpcError as error:
                    if "Failed to connect" not in error.details():
                        self.failures.append(f"{error.code()}: {error.details()}")
                    return
                margin = parse_outputs(answer)["margin"].tobytes()
                self.answers.append(Told(answer.model_version, margin))


@contextmanager
def running(*clients: Client, until_sent_away: bool = False) -> Iterator[None]:
    """Have clients ask until the end of this, or until the server has sent all of them away."""
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            if not until_sent_away:
                client.stopping.set()
            client.join(DEADLINE_SECONDS)
            client.stopping.set()


def _told(answer: dict[str, Any]) -> Told:
    data = {output["name"]: output["data"] for output in answer["outputs"]}
    return Told(answer["model_version"], np.array(data["margin"], dtype=np.float32).tobytes())
