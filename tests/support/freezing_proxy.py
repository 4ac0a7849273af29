"""A proxy whose connections can be frozen: they stay open, and nothing passes any more.

Firewalls and load balancers that forget a connection do that. New connections pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.listening import listening

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
    with listening(proxy.handle) as port:
        yield proxy, port
