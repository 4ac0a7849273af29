"""A model that is evaluated in this process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.clock import Clock
from sentinel_core.reason import Reason
from sentinel_core.signals.model import ModelUse
from sentinel_core.signals.signal import Signal

_log = logging.getLogger(__name__)


class InlineModel:
    """One loaded model as a signal of a pipeline.

    Its deadline is checked on return, since a call into the runtime cannot be cut off.
    """

    def __init__(self, use: ModelUse, model: LoadedModel, clock: Clock) -> None:
        self.model = model
        self._use = use
        self._clock = clock

    @property
    def name(self) -> str:
        """The model's name in the pipeline; the signal's name."""
        return self._use.name

    def evaluate(self, vector: Sequence[float], *, history_lost: bool) -> Signal:
        """Score one feature vector. Never raises. Parameters are those of `ModelSignal.ask`."""
        use = self._use
        if history_lost and use.needs_history():
            return use.absent()
        started_ns = self._clock.elapsed_ns()
        signal = self.score(vector)
        took_us = (self._clock.elapsed_ns() - started_ns) // 1000
        if took_us > use.deadline_us and signal.status == "ok":
            return use.without(
                "late",
                f"Model {self.name} took {took_us} us, over its deadline of {use.deadline_us} us",
            )
        return signal

    def score(self, vector: Sequence[float]) -> Signal:
        """Score one feature vector, however long it takes. Never raises.

        For what was decided before, which nobody waits for: a busy machine must not change it.
        """
        try:
            margin, probability = self.model.predict_one(self._use.row(vector))
        except Exception as error:  # noqa: BLE001 - logged, and recorded in the signal
            _log.exception("Model %s failed; the decision goes on without it", self.name)
            return self._use.without("failed", f"Model {self.name} failed: {type(error).__name__}")
        return Signal(self.name, "model", "ok", score=probability, raw=margin)

    def explain(self, vector: Sequence[float]) -> tuple[Reason, ...]:
        """Say which features moved the margin; empty for a model without trees."""
        explainer = self.model.explainer
        if explainer is None:
            return ()
        row = self._use.row(vector)
        return self._use.reasons(row, explainer.contributions(row).astype(np.float32))

    async def ask(
        self, vector: Sequence[float], *, history_lost: bool, explain: bool, until_ns: int | None
    ) -> Signal:
        """Score one feature vector at once: it takes microseconds, whatever ``until_ns`` is."""
        del until_ns
        signal = self.evaluate(vector, history_lost=history_lost)
        if explain and signal.status == "ok":
            return replace(signal, reasons=self.explain(vector))
        return signal
