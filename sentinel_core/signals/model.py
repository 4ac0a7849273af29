"""The model signal: a calibrated probability, on time or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.clock import Clock
from sentinel_core.reason import Reason, as_sentence
from sentinel_core.signals.signal import Signal, SignalStatus

_log = logging.getLogger(__name__)

Phrases = Mapping[str, Callable[[float], str]]
"""From a feature's name to a function that says its value in words."""


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What stands in for a model that has no answer.

    Attributes
    ----------
    action : ``Skip`` leaves the signal out, ``Score`` puts ``score`` in its place, ``FailClosed``
        blocks
    score : probability in [0, 1]; with ``Score`` only
    """

    action: Literal["Skip", "Score", "FailClosed"] = "Skip"
    score: float | None = None


class ModelSignal:
    """One loaded model as a signal of a pipeline.

    Parameters
    ----------
    name : str
        The model's name in the pipeline; the signal's name.
    model : LoadedModel
    feature_names : tuple of str
        Names of the vector that `evaluate` will be given.
    deadline_us : int
        Longest time from call to answer. It is checked on return, since a call into the runtime
        cannot be cut off.
    on_failure : OnFailure
        Also for a model that is absent because entity logs are lost.
    phrases : mapping
        How reasons say a feature's value; a name alone where there is none.

    Raises
    ------
    ArtifactError
        ``SchemaMismatch``: the model reads a feature that the vector does not have.
    """

    def __init__(  # noqa: PLR0913 - by keyword only, given once by the engine
        self,
        name: str,
        model: LoadedModel,
        *,
        feature_names: tuple[str, ...],
        deadline_us: int,
        on_failure: OnFailure,
        clock: Clock,
        phrases: Phrases,
    ) -> None:
        self.name = name
        self.model = model
        self._columns = _find_columns(name, model, feature_names)
        self._deadline_us = deadline_us
        self._on_failure = on_failure
        self._clock = clock
        self._phrases = phrases

    def evaluate(self, vector: Sequence[float], *, history_lost: bool) -> Signal:
        """Score one feature vector. Never raises.

        Parameters
        ----------
        vector : sequence of float
            In the order of ``feature_names``; NaN where missing, which the model has learned to
            read. It is cast to float32 once, as in training.
        history_lost : bool
            Whether entity logs are lost. A model that reads history then stays absent: to it,
            missing means that an entity is new, not that we forgot.
        """
        if history_lost and self.model.manifest.needs_history:
            return self._absent()
        started_ns = self._clock.elapsed_ns()
        try:
            margin, probability = self.model.predict_one(self._row(vector))
        except Exception as error:  # noqa: BLE001 - logged, and recorded in the signal
            _log.exception("Model %s failed; the decision goes on without it", self.name)
            return self._without("failed", f"Model {self.name} failed: {type(error).__name__}")
        took_us = (self._clock.elapsed_ns() - started_ns) // 1000
        if took_us > self._deadline_us:
            return self._without(
                "late",
                f"Model {self.name} took {took_us} us, over its deadline of {self._deadline_us} us",
            )
        return Signal(self.name, "model", "ok", score=probability, raw=margin)

    def evaluate_many(
        self, vectors: npt.NDArray[np.float64], *, history_lost: bool
    ) -> list[Signal]:
        """Score many vectors, each with the bits that `evaluate` gives it. Never raises.

        A batch has no deadline of its own: it is for files and for callers who chose to wait.

        Parameters
        ----------
        vectors : (n, features) float64
        """
        if history_lost and self.model.manifest.needs_history:
            return [self._absent()] * len(vectors)
        try:
            margins, probabilities = self.model.predict(self._rows(vectors))
        except Exception:  # noqa: BLE001 - logged, and each row is tried alone
            _log.exception("Model %s failed on a batch; each row is tried alone", self.name)
            return [self.evaluate(vector, history_lost=history_lost) for vector in vectors]
        return [
            Signal(self.name, "model", "ok", score=probability, raw=margin)
            for margin, probability in zip(margins.tolist(), probabilities.tolist(), strict=True)
        ]

    def explain(self, vector: Sequence[float]) -> tuple[Reason, ...]:
        """Say which features moved the margin.

        Returns
        -------
        tuple of Reason
            Weights in log-odds, the largest first; with the explainer's base value they add up to
            the margin. Features that moved nothing are left out. Empty for a model without trees.
        """
        explainer = self.model.explainer
        if explainer is None:
            return ()
        row = self._row(vector)
        weights = explainer.contributions(row).tolist()
        values = dict(zip(self.model.manifest.feature_names, row.tolist(), strict=True))
        moved = [(w, name) for name, w in zip(values, weights, strict=True) if w != 0.0]
        moved.sort(key=lambda item: -item[0])
        return tuple(self._reason(name, values[name], weight) for weight, name in moved)

    def _reason(self, name: str, value: float, weight: float) -> Reason:
        phrase = self._phrases.get(name)
        text = as_sentence(phrase(value) if phrase else f"{name} is {value:g}")
        return Reason(code=f"feature:{name}", text=text, weight=weight)

    def _row(self, vector: Sequence[float]) -> npt.NDArray[np.float32]:
        row = np.array(vector, dtype=np.float32)
        return row if self._columns is None else row[self._columns]

    def _rows(self, vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        rows = vectors.astype(np.float32)
        return rows if self._columns is None else rows[:, self._columns]

    def _absent(self) -> Signal:
        return self._without(
            "absent", f"Model {self.name} reads the history of entities, which is not there now"
        )

    def _without(self, status: SignalStatus, text: str) -> Signal:
        """Build the signal that stands in for an answer, as ``onFailure`` asks."""
        failure = self._on_failure
        return Signal(
            self.name,
            "model",
            status,
            score=failure.score if failure.action == "Score" else None,
            reasons=(Reason(code=f"model:{self.name}:{status}", text=text, weight=0.0),),
            hard_outcome="block" if failure.action == "FailClosed" else None,
        )


def _find_columns(
    name: str, model: LoadedModel, feature_names: tuple[str, ...]
) -> npt.NDArray[np.intp] | None:
    """Find the model's inputs in the vector; None where they are the vector as it is."""
    wanted = model.manifest.feature_names
    if wanted == feature_names:
        return None
    missing = [feature for feature in wanted if feature not in feature_names]
    if missing:
        raise refuse(
            "SchemaMismatch",
            f"Model {name} reads features that the spec does not have: {', '.join(missing[:5])}.",
            "Add the features to the spec, or train the model on the features of this pipeline.",
        )
    return np.array([feature_names.index(feature) for feature in wanted], dtype=np.intp)
