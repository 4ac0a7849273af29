"""A load generator: raw sockets that stay open, each with one request under way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import uvloop

from tests.bench.timing import percentiles_us

OK = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What came of requests.

    Attributes
    ----------
    times_ns : of each request, from its first byte sent to its last byte received
    statuses : how many answers had each
    bodies : of the answers
    """

    seconds: float
    times_ns: list[int]
    statuses: Counter[int]
    bodies: list[bytes]

    @property
    def per_second(self) -> float:
        return len(self.times_ns) / self.seconds

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != OK)

    def figures(self) -> dict[str, float]:
        rate = {"per_second": round(self.per_second, 1)}
        return rate | percentiles_us(self.times_ns) | {"errors": self.errors}


def post(path: str, body: bytes) -> bytes:
    """Write a request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """Write a request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def send_all(port: int, requests: Sequence[bytes], concurrency: int) -> Load:
    """Send each request once, over that many connections; each waits for its answer (closed loop)."""
    return uvloop.run(_send_all(port, requests, concurrency))


async def _send_all(port: int, requests: Sequence[bytes], concurrency: int) -> Load:
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(concurrency)]
    waiting = iter(requests)
    load = Load(0.0, [], Counter(), [])
    started = time.perf_counter()
    await asyncio.gather(*(_send(*pair, waiting, load) for pair in pairs))
    seconds = time.perf_counter() - started
    for _, writer in pairs:
        writer.close()
    return replace(load, seconds=seconds)


async def _send(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    waiting: Iterator[bytes],
    load: Load,
) -> None:
    now = time.perf_counter_ns
    for request in waiting:
        start_ns = now()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        load.times_ns.append(now() - start_ns)
        load.statuses[int(head[9:12])] += 1
        load.bodies.append(body)


def _length(head: bytes) -> int:
    found = head.lower().partition(b"\r\ncontent-length:")[2]
    assert found, head
    return int(found.split(b"\r\n", 1)[0])
