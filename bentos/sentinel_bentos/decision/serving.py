"""What this process serves: an engine, or why there is none yet.

Nothing that is wrong with a release, an artifact or the record ends the process. BentoML would start
it again for ever; instead it stays, says what is wrong, and goes on as soon as that is mended.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from dataclasses import replace

from sentinel_bentos.decision.settings import Settings
from sentinel_bentos.decision.watch import projected_state, wait_for_change
from sentinel_core.clock import Clock, SystemClock
from sentinel_core.engine.engine import Engine
from sentinel_core.engine.served import Served, refusal_reason
from sentinel_core.errors import NotReadyError, SentinelError
from sentinel_core.release import Projection, Release, read_projection
from sentinel_core.telemetry import DecisionMetrics

RETRY_SECONDS = 2.0
"""Between attempts to open an engine that may succeed without a change of the releases."""

_log = logging.getLogger("sentinel.serving")


class Serving:
    """Holds the engine of this process and keeps it on the releases it is given.

    Used from one event loop.
    """

    def __init__(self, metrics: DecisionMetrics, clock: Clock | None = None) -> None:
        self.metrics = metrics
        self.clock = clock or SystemClock()
        self._engine: Engine | None = None
        self._opening: asyncio.Future[Engine] | None = None
        self._stable: Release | None = None
        self._refusal: SentinelError | None = None

    @property
    def ready(self) -> bool:
        """Whether decisions can be given."""
        return self._engine is not None

    @property
    def engine(self) -> Engine:
        """The engine.

        Raises
        ------
        NotReadyError
            There is none yet; the message says why. Retryable: yes.
        """
        if self._engine is None:
            raise self._not_ready()
        return self._engine

    def served(self) -> Served:
        """Say what is served, and what was refused."""
        if self._engine is None:
            served = Served(None, None, 0.0, "Starting")
        else:
            served = self._engine.served()
        error = self._refusal
        if error is None:
            return served
        return replace(served, state="Refused", reason=refusal_reason(error), message=str(error))

    def refuse(self, error: SentinelError) -> None:
        """Say that something cannot be served, and why."""
        self._refusal = error
        _log.warning("%s", error)

    def deadline_ns(self, budget_ms: int | None) -> int:
        """Return when a request of now must be answered, on the clock's ``elapsed_ns``.

        ``budget_ms`` goes before the budget that the stable release sets.
        """
        if budget_ms is None:
            assert self._stable is not None  # an engine is there only after a release was read
            budget_ms = self._stable.budget_ms
        return self.clock.elapsed_ns() + budget_ms * 1_000_000

    async def run(self, settings: Settings) -> None:
        """Open the engine, then take up every change of the releases, until cancelled."""
        seen = await self._open(settings)
        while True:
            seen = await wait_for_change(settings.release_dir, seen)
            await self._take_up(settings)

    async def close(self) -> None:
        """Write what is waiting and let go of the record. `run` must have been cancelled."""
        if self._opening is not None:
            # A thread cannot be cancelled: what it opens must be closed, or the lock stays.
            opened = await asyncio.gather(self._opening, return_exceptions=True)
            self._engine = self._engine or next((e for e in opened if isinstance(e, Engine)), None)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.close)
            self._engine = None

    async def _open(self, settings: Settings) -> str | None:
        """Return the state of the folder that the engine was opened with."""
        while True:
            seen = projected_state(settings.release_dir)
            try:
                stable = await asyncio.to_thread(_read, settings)
                self._opening = asyncio.ensure_future(
                    asyncio.to_thread(self._open_engine, settings)
                )
                engine = await asyncio.shield(self._opening)
            except SentinelError as error:
                self.refuse(error)
                await _wait_to_retry(settings, seen, retryable=error.retryable)
            except Exception as error:  # noqa: BLE001 - see the module: this process stays
                _log.exception("The engine could not be opened.")
                self.refuse(_unexpected(error))
                await _wait_to_retry(settings, seen, retryable=True)
            else:
                break
        # What was loaded stays for ever; without this every full collection would walk it.
        gc.collect()
        gc.freeze()
        self._engine, self._stable, self._refusal = engine, stable.stable, None
        return seen

    def _open_engine(self, settings: Settings) -> Engine:
        return Engine.open(
            settings.state_dir,
            settings.release_dir,
            history=settings.history,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def _take_up(self, settings: Settings) -> None:
        try:
            projection = await asyncio.to_thread(_read, settings)
            await self.engine.take_up(projection)
        except SentinelError as error:
            self.refuse(error)
        except Exception as error:  # noqa: BLE001 - as above
            _log.exception("The new releases could not be taken up.")
            self.refuse(_unexpected(error))
        else:
            self._stable, self._refusal = projection.stable, None

    def _not_ready(self) -> NotReadyError:
        if self._refusal is None:
            return NotReadyError(
                "The server is starting: it loads the release and the history.",
                user_action="Wait a few seconds and try again.",
            )
        return NotReadyError(
            f"The server cannot start: {self._refusal.message}",
            user_action=self._refusal.user_action,
        )


def _read(settings: Settings) -> Projection:
    return read_projection(settings.release_dir)


async def _wait_to_retry(settings: Settings, seen: str | None, *, retryable: bool) -> None:
    """Wait for other releases, or a while where the same ones may do."""
    change = wait_for_change(settings.release_dir, seen)
    try:
        await asyncio.wait_for(change, RETRY_SECONDS if retryable else None)
    except TimeoutError:
        return


def _unexpected(error: Exception) -> SentinelError:
    return SentinelError(
        f"Something went wrong that was not expected: {error!r}.",
        user_action="Look into the server's log for its trace.",
    )
