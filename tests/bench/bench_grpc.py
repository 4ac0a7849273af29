"""Decisions over gRPC beside the same over HTTP: one server, one core, the load on another."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp

from sentinel_bentos.build import find_or_build
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from sentinel_bentos.protocol.sentinel.v1.decision_pb2_grpc import DecisionServiceStub
from sentinel_core.release import write_projection
from tests.bench.load import post, send_all
from tests.bench.processes import cpu_seconds_of, tree
from tests.bench.record import Limit, Measured
from tests.bench.timing import median_of, percentiles_us
from tests.support.decision_server import RunningServer, serve, wait_until_ready, wire_payment
from tests.support.grpc_channel import OWN_CONNECTION
from tests.support.pipelines import build_release

ROUNDS = 3
REQUESTS = {1: 500, 16: 3000, 64: 3000}
"""Requests of a round, by how many are under way at once."""
NOON = Timestamp(seconds=1_714_564_800)


def measure() -> Measured:
    """Serve, then measure rounds; report their medians."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        bento, _ = find_or_build(folder / "bentoml")
        write_projection(folder / "state" / "releases", build_release())
        server_core, load_core = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(0, {server_core})
        with serve(bento, folder / "bentoml", folder / "state") as server:
            os.sched_setaffinity(0, {load_core})
            wait_until_ready(server)
            _round("warm", server)
            rounds = [_round(str(number), server) for number in range(ROUNDS)]
    figures = median_of(rounds)
    errors = sum(one["errors"] for part in rounds for way in part.values() for one in way.values())
    ratios = {
        f"grpc_over_http_per_second_c{c}": figures["grpc"][c]["per_second"]
        / figures["http"][c]["per_second"]
        for c in figures["http"]
    }
    return Measured(figures | {"rounds": ROUNDS}, {"errors": Limit(errors, 0)}, ratios)


def _round(name: str, server: RunningServer) -> dict[str, Any]:
    """Take turns, so that both see the same machine."""
    found: dict[str, Any] = {"http": {}, "grpc": {}}
    for concurrency, count in REQUESTS.items():
        ids = [f"{name}-{concurrency}-{n}" for n in range(count)]
        found["http"][str(concurrency)] = _over_http(server, ids, concurrency)
        found["grpc"][str(concurrency)] = _over_grpc(server, ids, concurrency)
    return found


def _over_http(server: RunningServer, ids: Sequence[str], concurrency: int) -> dict[str, Any]:
    bodies = [json.dumps(wire_payment(f"h-{one}", card=one)).encode() for one in ids]
    pids = list(tree(server.process._process.pid))
    used = cpu_seconds_of(pids)
    load = send_all(
        server.addresses.port, [post("/api/v1/score", body) for body in bodies], concurrency
    )
    return load.figures() | _cpu_us(used, pids, len(ids))


def _over_grpc(server: RunningServer, ids: Sequence[str], concurrency: int) -> dict[str, Any]:
    requests = [
        pb.ScoreRequest(
            event=pb.Event(
                id=f"g-{one}", occurred_at=NOON, entities={"card": one, "terminal": "t1"},
                transaction=pb.Transaction(amount=10.5, currency="EUR"),
            )
        )
        for one in ids
    ]  # fmt: skip
    pids = list(tree(server.process._process.pid))
    used = cpu_seconds_of(pids)
    seconds, times_ns, errors = uvloop.run(_send_all(server.grpc_port, requests, concurrency))
    figures = {"per_second": round(len(ids) / seconds, 1), "errors": errors}
    return figures | percentiles_us(times_ns) | _cpu_us(used, pids, len(ids))


async def _send_all(
    port: int, requests: Sequence[pb.ScoreRequest], concurrency: int
) -> tuple[float, list[int], int]:
    waiting, times_ns, errors = iter(requests), [], 0
    address, count = f"127.0.0.1:{port}", min(concurrency, 4)
    channels = [grpc.aio.insecure_channel(address, options=OWN_CONNECTION) for _ in range(count)]

    async def send(channel: grpc.aio.Channel) -> None:
        nonlocal errors
        stub = DecisionServiceStub(channel)
        for request in waiting:
            start_ns = time.perf_counter_ns()
            try:
                await stub.Score(request)
            except grpc.aio.AioRpcError:
                errors += 1
            times_ns.append(time.perf_counter_ns() - start_ns)

    started = time.perf_counter()
    await asyncio.gather(*(send(channels[n % len(channels)]) for n in range(concurrency)))
    seconds = time.perf_counter() - started
    for channel in channels:
        await channel.close()
    return seconds, times_ns, errors


def _cpu_us(before_seconds: float, pids: list[int], count: int) -> dict[str, float]:
    """Return the server's processor time for each request."""
    return {"server_cpu_us": round((cpu_seconds_of(pids) - before_seconds) / count * 1e6, 1)}
