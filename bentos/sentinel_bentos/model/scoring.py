"""Scoring without holding up the event loop.

A row takes some microseconds, less than handing it to a thread, so few rows are read and scored where
they come in. Many rows, and explanations, go to one thread: they would keep every other client waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from sentinel_bentos.model.outputs import (
    MAX_EXPLAINED_ROWS,
    Outputs,
    compute_outputs,
    refuse_request,
)
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import SentinelError
from sentinel_core.oip.tensors import CONTRIBUTIONS, Rows

INLINE_ROWS = 32
"""Scored in about 0.2 ms for a model of 400 trees, a tenth of what one request may take at p99."""
MAX_WAITING = 32
"""Requests that wait for the thread. More would only hold memory: the last one waits for seconds."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class OverloadedError(SentinelError):
    """More large requests are waiting than the server takes. Retryable: yes."""

    code = "overloaded"
    retryable = True


class Scoring:
    """Scores rows, the large requests one after the other. Used from one event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")
        self._waiting = 0

    async def score(self, model: LoadedModel, rows: Rows, wanted: tuple[str, ...]) -> Outputs:
        """Compute the wanted outputs.

        Raises
        ------
        OverloadedError
            Too many large requests are waiting. Retryable: yes.
        ArtifactError, InvalidRequestError
            As `compute_outputs` has it. Retryable: no.
        """
        explains = CONTRIBUTIONS in wanted
        if not explains and len(rows) <= INLINE_ROWS:
            return compute_outputs(model, rows, wanted)
        if explains and len(rows) > MAX_EXPLAINED_ROWS:
            raise refuse_request(
                CONTRIBUTIONS,
                f"{len(rows)} rows are not explained at once",
                f"Send at most {MAX_EXPLAINED_ROWS} rows.",
            )
        return await self.run(compute_outputs, model, rows, wanted)

    async def run(
        self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do what takes long on the thread.

        Raises
        ------
        OverloadedError
            Too many large requests are waiting. Retryable: yes.
        """
        if self._waiting >= MAX_WAITING:
            raise OverloadedError(
                f"{self._waiting} large requests are waiting.",
                user_action="Send fewer at once, or add replicas.",
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(work, *given, **named))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread, once it has done what is under way."""
        self._thread.shutdown()
