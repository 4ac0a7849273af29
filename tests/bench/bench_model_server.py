"""The model server beside the least that serves the same model, over HTTP and over gRPC.

The built Bento, a bare Starlette application and a bare gRPC server share one core; wrk and h2load
drive them from another, one after the other, in turns. The model is that of the bench ``model``; each
request has one row of 30 features.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_bentos.build import find_or_build
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.oip.tensors import build_request
from sentinel_pipelines.steps.export import export_classifier
from tests.bench.bare_server import PATH
from tests.bench.bench_model import CALIBRATION, LEAVES, TREES, make_data, write
from tests.bench.load_tools import call_repeatedly, post_repeatedly, require_tools
from tests.bench.processes import MIB, cpu_seconds_of, pinned, rss_bytes, tree
from tests.bench.record import ROOT, Limit, Measured
from tests.bench.timing import median_of
from tests.support.decision_server import wait_until
from tests.support.model_server import (
    NAME,
    RunningModelServer,
    assigned,
    infer_body,
    serve_model,
    wait_until_served,
)
from tests.support.ports import free_port

ROUNDS, SECONDS, WARM_UP_SECONDS = 5, 3, 1
CONNECTIONS = (1, 16, 64)
METHOD = "/inference.GRPCInferenceService/ModelInfer"
LEAST_RATIO = 0.9
"""Of the bare server's rate, at 16 connections."""
TARGET_HTTP_P99_US, TARGET_GRPC_P99_US = 4_000.0, 6_000.0
"""At 16 connections."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server under load: how to drive it, and the processes that it consists of."""

    drive: Callable[[int, int], dict[str, Any]]
    pid: int

    def measure(self, connections: int) -> dict[str, Any]:
        """Drive it for a while; add the processor time of one request."""
        pids = list(tree(self.pid))
        used = cpu_seconds_of(pids)
        found = self.drive(connections, SECONDS)
        used = cpu_seconds_of(pids) - used
        requests = found["per_second"] * SECONDS
        return found | {"server_cpu_us": round(used / requests * 1e6, 1)}


def measure() -> Measured:
    """Train, serve all three, and measure them in turns."""
    require_tools()
    rows, labels = make_data()
    classifier = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False
    ).fit(rows, labels)
    server_core, load_core = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as parent, ExitStack() as stack:
        folder = Path(parent)
        write(folder / "artifact", export_classifier(classifier, CALIBRATION), rows)
        bento, _ = find_or_build(folder / "bentoml", "model")
        artifact = assigned(folder / "artifact", read_artifact(folder / "artifact").digest)
        with pinned(server_core):
            serving = serve_model(bento, folder / "bentoml", folder / "server", artifact)
            server = stack.enter_context(serving)
            bare = stack.enter_context(_bare_servers(folder / "artifact" / "model.onnx"))
        wait_until_served(server, artifact["digest"])
        stack.enter_context(pinned(load_core))
        return _measured(server, _peers(server, bare, np.nan_to_num(rows[:1])))


@contextmanager
def _bare_servers(model: Path) -> Iterator[dict[str, tuple[int, int]]]:
    """Run both; yield the port and the process of each by its kind."""
    ports = {kind: free_port() for kind in ("http", "grpc")}
    processes = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare_server", kind, str(model), str(port)],
            cwd=ROOT,
            # As the Bento has it: the scheduler shares a core out by sessions (autogroup).
            start_new_session=True,
        )
        for kind, port in ports.items()
    }
    try:
        yield {kind: (ports[kind], processes[kind].pid) for kind in ports}
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


def _peers(
    server: RunningModelServer, bare: dict[str, tuple[int, int]], row: Any
) -> dict[str, dict[str, Peer]]:
    body = json.dumps(infer_body(row.tolist())).encode()
    # As most clients send it: flat.
    flat = json.loads(body)
    flat["inputs"][0]["data"] = row.ravel().tolist()
    message = build_request(NAME, "", row).SerializeToString()

    def over_http(port: int, path: str) -> Callable[[int, int], dict[str, Any]]:
        url = f"http://127.0.0.1:{port}{path}"
        return lambda c, seconds: post_repeatedly(url, json.dumps(flat).encode(), c, seconds)

    def over_grpc(port: int) -> Callable[[int, int], dict[str, Any]]:
        return lambda c, seconds: call_repeatedly(port, METHOD, message, c, seconds)

    ours = f"/v2/models/{NAME}/infer"
    return {
        "http": {
            "model_server": Peer(over_http(server.addresses.port, ours), server.pid),
            "bare_starlette": Peer(over_http(bare["http"][0], PATH), bare["http"][1]),
        },
        "grpc": {
            "model_server": Peer(over_grpc(server.grpc_port), server.pid),
            "bare_grpc_aio": Peer(over_grpc(bare["grpc"][0]), bare["grpc"][1]),
        },
    }


def _measured(server: RunningModelServer, peers: dict[str, dict[str, Peer]]) -> Measured:
    for protocol in peers.values():
        for peer in protocol.values():
            wait_until(lambda peer=peer: _answers(peer), "an answer")
    rounds = [_round(peers) for _ in range(ROUNDS)]
    figures = median_of(rounds)
    figures["rss_mib"] = round(sum(map(rss_bytes, tree(server.pid))) / MIB)
    figures |= {"rounds": ROUNDS, "seconds": SECONDS, "trees": TREES, "leaves": LEAVES}
    refused = server.metric("sentinel_model_requests_total") - sum(
        server.metric("sentinel_model_requests_total", f'code="{code}"') for code in ("200", "OK")
    )
    errors = refused + sum(
        cell["errors"]
        for one in rounds
        for protocol in one.values()
        for peer in protocol.values()
        for cell in peer.values()
    )
    ratios = _ratios(rounds)
    http, grpc = figures["http"]["model_server"]["16"], figures["grpc"]["model_server"]["16"]
    return Measured(
        figures,
        limits={
            "errors": Limit(errors, 0),
            "http_over_bare_c16": Limit(round(ratios["http_over_bare_c16"], 3), LEAST_RATIO, "at least"),
            "grpc_over_bare_c16": Limit(round(ratios["grpc_over_bare_c16"], 3), LEAST_RATIO, "at least"),
            "http_c16_p99_us": Limit(http["p99_us"], TARGET_HTTP_P99_US),
            "grpc_c16_p99_us": Limit(grpc["p99_us"], TARGET_GRPC_P99_US),
        },
        ratios=ratios,
    )  # fmt: skip


def _answers(peer: Peer) -> bool:
    """Warm a server up; tell whether it answered."""
    try:
        return peer.drive(8, WARM_UP_SECONDS)["per_second"] > 0
    except (subprocess.CalledProcessError, IndexError, ValueError):
        return False  # it does not listen yet


def _round(peers: dict[str, dict[str, Peer]]) -> dict[str, Any]:
    """Measure every server at every number of connections, the two to compare one after the other."""
    found: dict[str, Any] = {p: {name: {} for name in both} for p, both in peers.items()}
    for protocol, both in peers.items():
        for connections in CONNECTIONS:
            for name, peer in both.items():
                found[protocol][name][str(connections)] = peer.measure(connections)
    return found


def _ratios(rounds: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return our rate over the bare server's, the median of those of each round."""
    ratios = {}
    for protocol in rounds[0]:
        for connections in map(str, CONNECTIONS):
            pairs = [
                [cells[connections]["per_second"] for cells in one[protocol].values()]
                for one in rounds
            ]
            name = f"{protocol}_over_bare_c{connections}"
            ratios[name] = median(ours / bare for ours, bare in pairs)
    return ratios
