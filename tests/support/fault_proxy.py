"""A proxy between a client and a server that breaks connections in the ways networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from tests.support.listening import listening

CHUNK_BYTES = 16 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing sends RST instead of FIN (socket(7))."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a connection.

    ``cut`` closes it in an orderly way after some bytes of the answer, ``reset`` breaks it there,
    ``black hole`` takes what comes and answers nothing, ``slow`` passes the answer on byte by byte,
    ``say`` gives an answer of its own and closes.
    """

    kind: Literal["none", "cut", "reset", "black hole", "slow", "say"] = "none"
    after_bytes: int = 0
    pause_seconds: float = 0.1
    answer: bytes = b""


def status(code: int, **headers: str) -> Fault:
    """Answer with a status of HTTP and nothing more."""
    lines = [f"HTTP/1.1 {code} Said By The Proxy", "Content-Length: 0", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return Fault("say", answer="\r\n".join([*lines, "", ""]).encode())


class FaultProxy:
    """Passes connections on to a port, each with the next fault of a queue, then with none.

    Attributes
    ----------
    connections : how many there have been
    always : the fault of every connection for which none is queued
    """

    def __init__(self, target_port: int) -> None:
        self.connections = 0
        self.always = Fault()
        self._target_port = target_port
        self._queue: deque[Fault] = deque()

    def next(self, *faults: Fault) -> None:
        """Queue faults for the connections to come."""
        self._queue.extend(faults)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        fault = self._queue.popleft() if self._queue else self.always
        try:
            with suppress(ConnectionError):
                await self._serve(fault, reader, writer)
        finally:
            writer.close()

    async def _serve(
        self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault.kind == "black hole":
            while await reader.read(CHUNK_BYTES):
                pass
            return
        if fault.kind == "say":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(fault.answer)
            await writer.drain()
            return
        back, forth = await asyncio.open_connection("127.0.0.1", self._target_port)
        asking = asyncio.create_task(_pass(reader, forth))
        try:
            await _answer(fault, back, writer)
        finally:
            asking.cancel()
            forth.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


async def _answer(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    passed = 0
    while data := await reader.read(1 if fault.kind == "slow" else CHUNK_BYTES):
        if fault.kind == "slow":
            await asyncio.sleep(fault.pause_seconds)
        if fault.kind in ("cut", "reset"):
            data = data[: fault.after_bytes - passed]
        writer.write(data)
        await writer.drain()
        passed += len(data)
        if fault.kind in ("cut", "reset") and passed >= fault.after_bytes:
            break
    if fault.kind == "reset":
        connected: socket.socket = writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


@contextmanager
def fault_proxy(target_port: int) -> Iterator[tuple[FaultProxy, int]]:
    """Run a proxy on a free port for as long as this is open; give it and its port."""
    proxy = FaultProxy(target_port)
    with listening(proxy.handle) as port:
        yield proxy, port
