"""A model that is evaluated by its own server, called over the Open Inference Protocol."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from sentinel_core.clock import Clock
from sentinel_core.oip.client import ModelServer, ModelServerError
from sentinel_core.oip.tensors import CONTRIBUTIONS, MARGIN, PROBABILITY, build_request
from sentinel_core.reason import Reason
from sentinel_core.signals.model import ModelUse, Row
from sentinel_core.signals.signal import Signal

_log = logging.getLogger(__name__)

QUIET_NS = 10_000_000_000
"""Between two lines about one model in the log: a server at its limit answers and is late in turns."""

_SCORE = (PROBABILITY, MARGIN)


class RemoteModel:
    """One model of a model server as a signal of a pipeline.

    The call names the digest of the artifact, so that an answer never comes from another one, and it
    is cut off at the deadline.

    Parameters
    ----------
    model_name : str
        The SentinelModel's name, by which its server knows it.
    digest : str
        Of the artifact.
    has_trees : bool
        Whether the artifact can say which features moved the margin.
    """

    def __init__(  # noqa: PLR0913 - by keyword only, given once by the engine
        self,
        use: ModelUse,
        server: ModelServer,
        *,
        model_name: str,
        digest: str,
        has_trees: bool,
        clock: Clock,
    ) -> None:
        self._use = use
        self._server = server
        self._model_name = model_name
        self._digest = digest
        self._has_trees = has_trees
        self._clock = clock
        self._is_answering = True
        self._quiet_until_ns = 0

    @property
    def name(self) -> str:
        """The model's name in the pipeline; the signal's name."""
        return self._use.name

    @property
    def url(self) -> str:
        """Where the model's server is called."""
        return self._server.url

    async def is_served(self, timeout_seconds: float) -> bool:
        """Tell whether the server can be asked for this artifact, and get connected to it."""
        return await self._server.is_ready(
            self._model_name, self._digest, timeout_seconds=timeout_seconds
        )

    async def ask(
        self, vector: Sequence[float], *, history_lost: bool, explain: bool, until_ns: int | None
    ) -> Signal:
        """Score one feature vector. Never raises. Parameters are those of `ModelSignal.ask`."""
        use = self._use
        if history_lost and use.needs_history():
            return use.absent()
        row = use.row(vector)
        left_us = self._left_us(until_ns)
        if left_us <= 0:
            return use.without("late", f"Model {self.name} was not asked: no time was left for it")
        try:
            signal = await self._call(row, left_us, explain=explain and self._has_trees)
        except TimeoutError:
            text = f"Model {self.name} did not answer within {left_us} us"
            return self._note(use.without("late", text), text)
        except Exception as error:  # noqa: BLE001 - logged, and recorded in the signal
            text = f"Model {self.name} failed: {getattr(error, 'status', type(error).__name__)}"
            return self._note(use.without("failed", text), repr(error))
        return self._note(signal, "it answers")

    def _left_us(self, until_ns: int | None) -> int:
        if until_ns is None:
            return self._use.deadline_us
        return min(self._use.deadline_us, (until_ns - self._clock.elapsed_ns()) // 1000)

    async def _call(self, row: Row, timeout_us: int, *, explain: bool) -> Signal:
        wanted = (*_SCORE, CONTRIBUTIONS) if explain else _SCORE
        request = build_request(self._model_name, self._digest, row.reshape(1, -1), outputs=wanted)
        answer = await self._server.infer(request, timeout_seconds=timeout_us / 1e6)
        sizes = {PROBABILITY: 1, MARGIN: 1, CONTRIBUTIONS: row.size}
        outputs = {name: _flat(answer, name, sizes[name]) for name in wanted}
        probability, margin = float(outputs[PROBABILITY][0]), float(outputs[MARGIN][0])
        # NaN fails both comparisons.
        if not (0.0 <= probability <= 1.0 and abs(margin) < np.inf):
            raise ModelServerError("the answer is not a probability", "NotFinite")
        reasons: tuple[Reason, ...] = ()
        if explain:
            reasons = self._use.reasons(row, outputs[CONTRIBUTIONS])
        return Signal(self.name, "model", "ok", score=probability, reasons=reasons, raw=margin)

    def _note(self, signal: Signal, what: str) -> Signal:
        """Log when the server begins to answer or ceases to, and not for every decision."""
        is_answering = signal.status == "ok"
        now_ns = self._clock.elapsed_ns()
        if is_answering != self._is_answering and now_ns >= self._quiet_until_ns:
            self._is_answering = is_answering
            self._quiet_until_ns = now_ns + QUIET_NS
            level = logging.INFO if is_answering else logging.WARNING
            _log.log(level, "The model server %s for %s: %s", self.url, self.name, what)
        return signal


def _flat(outputs: dict[str, Row], name: str, size: int) -> Row:
    values = outputs.get(name)
    if values is None or values.size != size:
        raise ModelServerError(f"the answer has no {name} of {size} values", "SchemaMismatch")
    return values.reshape(-1)
