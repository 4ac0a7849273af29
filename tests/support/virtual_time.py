"""An event loop whose time passes by itself as soon as nothing else is to be done."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Hurrying(selectors.DefaultSelector):
    """Waits for no time to pass, but takes it for passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout and 0)
        if timeout and not found:
            self.now += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._hurrying = _Hurrying()
        super().__init__(self._hurrying)

    def time(self) -> float:
        return self._hurrying.now


class LoopClock:
    """The time of the running loop, for what asks a clock."""

    def now_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e6)

    def elapsed_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)


def run_hurrying(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine whose waits take no time; what it waits for outside the process does."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
