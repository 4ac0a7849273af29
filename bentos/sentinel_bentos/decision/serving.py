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
from sentinel_bentos.watch import follow
from sentinel_core.clock import Clock, SystemClock
from sentinel_core.engine.engine import Engine
from sentinel_core.engine.served import Refusal, Served
from sentinel_core.errors import NotReadyError, SentinelError
from sentinel_core.release import Projection, read_projection
from sentinel_core.telemetry import DecisionMetrics

_log = logging.getLogger("sentinel.serving")


class Serving:
    """Holds the engine of this process and keeps it on the releases it is given.

    Used from one event loop.

    Attributes
    ----------
    opened : set once decisions can be given
    """

    def __init__(self, metrics: DecisionMetrics, clock: Clock | None = None) -> None:
        self.metrics = metrics
        self.clock = clock or SystemClock()
        self.opened = asyncio.Event()
        self._engine: Engine | None = None
        self._opening: asyncio.Future[Engine] | None = None
        self._refusal: Refusal | None = None

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
        return served.without(self._refusal)

    def refuse(self, refusal: Refusal) -> None:
        """Say that something cannot be served, and why."""
        self._refusal = refusal
        _log.warning("%s", refusal.error)

    def deadline_ns(self, budget_ms: int | None) -> int:
        """Return when a request of now must be answered, on the clock's ``elapsed_ns``.

        ``budget_ms`` goes before the budget that the stable release sets.
        """
        if budget_ms is None:
            budget_ms = self.engine.budget_ms
        return self.clock.elapsed_ns() + budget_ms * 1_000_000

    async def run(self, settings: Settings) -> None:
        """Open the engine, then take up every change of the releases, until cancelled."""

        async def take_up() -> bool:
            await self._follow(settings)
            return self.served().retrying

        await follow(settings, take_up)

    async def _follow(self, settings: Settings) -> None:
        """Serve what the folder holds, or say why not."""
        projection: Projection | None = None
        try:
            projection = await asyncio.to_thread(read_projection, settings.release_dir)
            if self._engine is None:
                await self._open(settings, projection)
            await self.engine.take_up(projection)
        except SentinelError as error:
            self.refuse(Refusal.of(error, projection.stable.digest if projection else None))
        except Exception as error:  # noqa: BLE001 - see the module: this process stays
            _log.exception("The releases could not be taken up.")
            self.refuse(Refusal.unexpected("The releases could not be taken up", error))
        else:
            self._refusal = None
            self._tell_of_candidate()

    def _tell_of_candidate(self) -> None:
        message = self.engine.served().message
        if message is not None:
            _log.warning("The candidate is not served: %s", message)

    async def _open(self, settings: Settings, projection: Projection) -> None:
        """Open an engine with the stable release alone: a candidate must not keep it from serving."""
        alone = replace(projection, candidate=None, candidate_error=None)
        self._opening = asyncio.ensure_future(asyncio.to_thread(self._open_engine, settings, alone))
        engine = await asyncio.shield(self._opening)
        await engine.connect()
        # What was loaded stays for ever; without this every full collection would walk it.
        gc.collect()
        gc.freeze()
        self._engine, self._refusal = engine, None
        self.opened.set()

    def _open_engine(self, settings: Settings, projection: Projection) -> Engine:
        return Engine.open(
            settings.state_dir,
            projection,
            history=settings.history,
            stores_dir=settings.stores_dir,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def close(self) -> None:
        """Write what is waiting and let go of the record. `run` must have been cancelled."""
        if self._opening is not None:
            # A thread cannot be cancelled: what it opens must be closed, or the lock stays.
            opened = await asyncio.gather(self._opening, return_exceptions=True)
            self._engine = self._engine or next((e for e in opened if isinstance(e, Engine)), None)
        if self._engine is not None:
            await self._engine.finish()
            await asyncio.to_thread(self._engine.close)
            self._engine = None

    def _not_ready(self) -> NotReadyError:
        if self._refusal is None:
            return NotReadyError(
                "The server is starting: it loads the release and the history.",
                user_action="Wait a few seconds and try again.",
            )
        error = self._refusal.error
        return NotReadyError(
            f"The server cannot start: {error.message}", user_action=error.user_action
        )
