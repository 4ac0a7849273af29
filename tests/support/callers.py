"""Clients that ask one thing after another while a test changes something under them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import grpc
import httpx
from google.protobuf.timestamp_pb2 import Timestamp

from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as decision
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.oip import open_inference_pb2 as inference
from sentinel_core.oip.open_inference_pb2_grpc import GRPCInferenceServiceStub
from tests.support.decision_server import wire_payment
from tests.support.grpc_channel import OWN_CONNECTION
from tests.support.model_server import infer_body
from tests.support.operator_process import eventually

PAUSE_SECONDS = 0.05
"""Between two questions of a client: enough of them fall into any change, and the machine's two cores
are left to the cluster."""
TIMEOUT_SECONDS = 30
ENOUGH = 10
"""Answers of each client before and after a change, so that it falls into the middle of them."""
NOON = Timestamp(seconds=1_714_564_800)


class Told(NamedTuple):
    """An answer.

    Attributes
    ----------
    by : digest of the release or artifact that gave it
    value : score or probability
    degraded : parts that a decision was given without
    """

    by: str
    value: float
    degraded: tuple[str, ...] = ()


Ask = Callable[[str], Told]
"""Asks once, under an id that was not used before; raises where there is no good answer."""
Opening = Callable[[], AbstractContextManager[Ask]]
"""Opens a client's connection, for as long as its context is."""


class Caller(threading.Thread):
    """One client.

    Attributes
    ----------
    told : its answers, in order
    faults : what went wrong, each with its time and the number of its question
    """

    def __init__(self, ask: Ask, stop: threading.Event) -> None:
        super().__init__(name=f"caller-{uuid.uuid4().hex[:8]}", daemon=True)
        self._ask = ask
        self._stop_asking = stop
        self.told: list[Told] = []
        self.faults: list[str] = []

    @property
    def asked(self) -> int:
        """How many questions are behind it."""
        return len(self.told) + len(self.faults)

    def run(self) -> None:
        """Ask until stopped."""
        while not self._stop_asking.wait(PAUSE_SECONDS):
            number = self.asked
            try:
                self.told.append(self._ask(f"{self.name}-{number}"))
            except Exception as error:  # noqa: BLE001 - told to the test
                self.faults.append(f"{datetime.now(UTC):%H:%M:%S} {self.name}, {number}: {error!r}")


@dataclass(frozen=True, slots=True)
class Callers:
    """Some clients."""

    each: Sequence[Caller]

    @property
    def faults(self) -> list[str]:
        """What went wrong, of all."""
        return [fault for caller in self.each for fault in caller.faults]

    @property
    def told(self) -> list[Told]:
        """Every answer."""
        return [answer for caller in self.each for answer in caller.told]

    @property
    def turns(self) -> list[tuple[str, ...]]:
        """By whom each client was answered, in order; those in a row by the same are one."""
        return [tuple(by for by, _ in groupby(one.told, lambda told: told.by)) for one in self.each]

    @property
    def values(self) -> dict[str, set[float]]:
        """Every value that was answered, by whom it was."""
        found: dict[str, set[float]] = {}
        for answer in self.told:
            found.setdefault(answer.by, set()).add(answer.value)
        return found

    def wait_for_more(self, count: int = ENOUGH) -> None:
        """Wait until each client has asked so many times more."""
        until = [caller.asked + count for caller in self.each]
        eventually(
            lambda: all(c.asked >= n for c, n in zip(self.each, until, strict=True)),
            "all clients go on asking",
        )


@contextmanager
def calling(*openings: Opening) -> Iterator[Callers]:
    """Have clients ask for as long as this is open; then all have ended."""
    stop = threading.Event()
    with ExitStack() as connections:
        asks = [connections.enter_context(opening()) for opening in openings]
        callers = Callers([Caller(ask, stop) for ask in asks])
        for caller in callers.each:
            caller.start()
        try:
            yield callers
        finally:
            stop.set()
            for caller in callers.each:
                caller.join()


def by_http(port: int, key: str, *, kept: bool = True) -> Opening:
    """Ask for decisions over HTTP, over one connection or each over a new one."""
    url, headers = f"http://127.0.0.1:{port}/api/v1/score", {"X-API-Key": key}

    @contextmanager
    def opened() -> Iterator[Ask]:
        with _client(kept=kept) as client:

            def ask(name: str) -> Told:
                # A card of its own, so that the score does not depend on what was asked before.
                answer = client.post(url, json=wire_payment(name, card=name), headers=headers)
                answer.raise_for_status()
                body = answer.json()
                return Told(body["release"], body["score"], tuple(body["degraded"]))

            yield ask

    return opened


def by_grpc(port: int, key: str) -> Opening:
    """Ask for decisions over gRPC."""

    @contextmanager
    def opened() -> Iterator[Ask]:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION) as channel:
            stub = DecisionServiceStub(channel)

            def ask(name: str) -> Told:
                event = decision.Event(
                    id=name, occurred_at=NOON, entities={"card": name, "terminal": "t1"},
                    transaction=decision.Transaction(amount=10.5, currency="EUR"),
                )  # fmt: skip
                request = decision.ScoreRequest(event=event)
                metadata = [("x-api-key", key)]
                answer = stub.Score(request, timeout=TIMEOUT_SECONDS, metadata=metadata).decision
                return Told(answer.release, answer.score, tuple(answer.degraded))

            yield ask

    return opened


def infer_by_http(port: int, model: str, rows: list[list[float]], *, kept: bool = True) -> Opening:
    """Ask a model server for probabilities over HTTP."""
    url, body = f"http://127.0.0.1:{port}/v2/models/{model}/infer", infer_body([*rows])

    @contextmanager
    def opened() -> Iterator[Ask]:
        with _client(kept=kept) as client:

            def ask(_: str) -> Told:
                answer = client.post(url, json=body)
                answer.raise_for_status()
                found = answer.json()
                outputs = {one["name"]: one["data"] for one in found["outputs"]}
                return Told(found["model_version"], outputs["probability"][0])

            yield ask

    return opened


def infer_by_grpc(port: int, model: str, rows: list[list[float]]) -> Opening:
    """Ask a model server for probabilities over gRPC."""
    tensor = inference.ModelInferRequest.InferInputTensor(
        name="input", datatype="FP32", shape=[len(rows), len(rows[0])],
        contents=inference.InferTensorContents(fp32_contents=[v for row in rows for v in row]),
    )  # fmt: skip
    request = inference.ModelInferRequest(model_name=model, inputs=[tensor])

    @contextmanager
    def opened() -> Iterator[Ask]:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION) as channel:
            stub = GRPCInferenceServiceStub(channel)

            def ask(_: str) -> Told:
                answer = stub.ModelInfer(request, timeout=TIMEOUT_SECONDS)
                outputs = {one.name: one.contents.fp32_contents for one in answer.outputs}
                return Told(answer.model_version, outputs["probability"][0])

            yield ask

    return opened


def _client(*, kept: bool) -> httpx.Client:
    limits = httpx.Limits(max_keepalive_connections=1 if kept else 0)
    # There is no TLS here, and reading the certificates would take longer than the request.
    return httpx.Client(timeout=TIMEOUT_SECONDS, limits=limits, verify=False)
