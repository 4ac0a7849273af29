"""How a gRPC server leaves without losing a call.

A server that is told to stop has each connection's client go elsewhere (GOAWAY), answers the calls
that it has begun, and cancels those that it has received and not begun; under load there are always
some. So before it stops, answers are held back for the few milliseconds in which the calls of every
busy client arrive and are begun, and are given out once the clients were told to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import grpc

QUIET_SECONDS = 0.01
"""Without a new call, after which none is on its way; a call takes under a millisecond to arrive."""
LONGEST_HOLD_SECONDS = 0.25
"""For clients that send the next call before the last one is answered, so that it is never quiet."""


class Departure:
    """Holds back the answers of the services that are registered through it."""

    def __init__(self) -> None:
        self._begun = 0
        self._released: asyncio.Event | None = None

    def registrar(self, server: Any) -> Any:
        """Return what stands in for the server where a service is added to it."""
        return _Registrar(self, server)

    async def hold(self) -> None:
        """Begin to hold answers back, and wait until no more calls arrive."""
        self._released = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_HOLD_SECONDS):
                begun = -1
                while begun != self._begun:
                    begun = self._begun
                    await asyncio.sleep(QUIET_SECONDS)

    def release(self) -> None:
        """Give the answers out."""
        assert self._released is not None  # hold was called before
        self._released.set()

    def wrap(self, handler: Any) -> Any:
        """Return a handler of a method whose answers can be held back."""
        answer_call = handler.unary_unary

        async def answer(request: Any, context: Any) -> Any:
            self._begun += 1
            response = await answer_call(request, context)
            if self._released is not None:
                await self._released.wait()
            return response

        return handler._replace(unary_unary=answer)


class _Registrar:
    """Takes the handlers of a service for a server, as its own two methods do."""

    def __init__(self, departure: Departure, server: Any) -> None:
        self._departure = departure
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Take handlers that are found by their method's name."""
        held = [_HeldHandlers(self._departure, handler) for handler in handlers]
        self._server.add_generic_rpc_handlers(held)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Take handlers by their method's name."""
        wrapped = {name: self._departure.wrap(handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, wrapped)


class _HeldHandlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC ships no types
    """Finds the handler of a method, wrapped once."""

    def __init__(self, departure: Departure, handlers: Any) -> None:
        self._departure = departure
        self._handlers = handlers
        self._wrapped: dict[str, Any] = {}

    def service(self, details: Any) -> Any:
        """Return the handler of the method that is called; None where there is none."""
        found = self._wrapped.get(details.method)
        if found is None:
            handler = self._handlers.service(details)
            if handler is None:
                return None
            found = self._wrapped[details.method] = self._departure.wrap(handler)
        return found
