"""A proxy whose connections can be frozen: they stay open, and nothing passes any more.

Firewalls and load balancers that forget a connection do that. New connections pass.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 64 * 1024


class FreezingProxy:
    """Passes connections on to a port of this machine."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._passing: set[asyncio.Event] = set()

    def freeze(self) -> int:
        """Freeze every connection that is open now, for good; return how many those are."""
        frozen = [passing for passing in self._passing if passing.is_set()]
        for passing in frozen:
            passing.clear()
        return len(frozen)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        back, forth = await asyncio.open_connection("127.0.0.1", self._target_port)
        passing = asyncio.Event()
        passing.set()
        self._passing.add(passing)
        asking = asyncio.create_task(_pass(reader, forth, passing))
        # A connection that ends with the test ends in whatever state it is.
        with suppress(asyncio.CancelledError):
            await _pass(back, writer, passing)
        self._passing.discard(passing)
        asking.cancel()
        writer.close()
        forth.close()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: asyncio.Event
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            await passing.wait()
            writer.write(data)
            await writer.drain()
    await passing.wait()


@contextmanager
def freezing_proxy(target_port: int) -> Iterator[tuple[FreezingProxy, int]]:
    """Run a proxy on a free port for as long as this is open; give it and its port."""
    proxy = FreezingProxy(target_port)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy.handle, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    open_connections = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    for task in open_connections:
        task.cancel()
    await asyncio.gather(*open_connections, return_exceptions=True)
