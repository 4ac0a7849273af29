"""The signal of a calibrated model: what is the same wherever the model is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.manifest import Manifest
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.reason import Reason, as_sentence
from sentinel_core.signals.signal import Signal, SignalStatus

Phrases = Mapping[str, Callable[[float], str]]
"""From a feature's name to a function that says its value in words."""
Row = npt.NDArray[np.float32]


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


class ModelSignal(Protocol):
    """A model as a signal of a pipeline, wherever it is evaluated."""

    @property
    def name(self) -> str:
        """The model's name in the pipeline; the signal's name."""
        ...

    async def ask(
        self, vector: Sequence[float], *, history_lost: bool, explain: bool, until_ns: int | None
    ) -> Signal:
        """Score one feature vector. Never raises.

        Parameters
        ----------
        vector : sequence of float
            In the order of the pipeline's features; NaN where missing, which the model has learned
            to read. It is cast to float32 once, as in training.
        history_lost : bool
            Whether entity logs are lost. A model that reads history then stays absent: to it,
            missing means that an entity is new, not that we forgot.
        explain : bool
            Also say which features moved the margin, in the reasons of a signal that is ok.
        until_ns : int or None
            When the caller needs the answer at the latest, on the clock's ``elapsed_ns``; the
            model's own deadline may come before.
        """
        ...


class ModelUse:
    """How a pipeline uses a model: what it is given, what stands in for it, how it says why.

    Parameters
    ----------
    name : str
        The model's name in the pipeline; the signal's name.
    manifest : Manifest
        Of the model's artifact.
    feature_names : tuple of str
        Names of the vectors that the signal will be given.
    deadline_us : int
        Longest time from call to answer.
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
        manifest: Manifest,
        *,
        feature_names: tuple[str, ...],
        deadline_us: int,
        on_failure: OnFailure,
        phrases: Phrases,
    ) -> None:
        self.name = name
        self.deadline_us = deadline_us
        self._manifest = manifest
        self._columns = _find_columns(name, manifest.feature_names, feature_names)
        self._on_failure = on_failure
        self._phrases = phrases

    def row(self, vector: Sequence[float]) -> Row:
        """Return what the model reads of a vector, in the order of its inputs."""
        row = np.array(vector, dtype=np.float32)
        return row if self._columns is None else row[self._columns]

    def needs_history(self) -> bool:
        """Tell whether the model reads what came before."""
        return self._manifest.needs_history

    def reasons(self, row: Row, contributions: Row) -> tuple[Reason, ...]:
        """Say which features moved the margin.

        Parameters
        ----------
        contributions : (features,) float32
            In log-odds, in the order of the row. In float32, since that is how a model server sends
            them: a reason must not depend on where a model is evaluated.

        Returns
        -------
        tuple of Reason
            Weights in log-odds, the largest first; with the explainer's base value they add up to
            the margin. Features that moved nothing are left out.
        """
        values = zip(self._manifest.feature_names, row.tolist(), strict=True)
        weighted = zip(values, contributions.tolist(), strict=True)
        moved = [(weight, name, value) for (name, value), weight in weighted if weight != 0.0]
        moved.sort(key=lambda item: -item[0])
        return tuple(self._reason(name, value, weight) for weight, name, value in moved)

    def absent(self) -> Signal:
        """Build the signal of a model that lacks the history it reads."""
        text = f"Model {self.name} reads the history of entities, which is not there now"
        return self.without("absent", text)

    def without(self, status: SignalStatus, text: str) -> Signal:
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

    def _reason(self, name: str, value: float, weight: float) -> Reason:
        phrase = self._phrases.get(name)
        text = as_sentence(phrase(value) if phrase else f"{name} is {value:g}")
        return Reason(code=f"feature:{name}", text=text, weight=weight)


def _find_columns(
    name: str, wanted: tuple[str, ...], feature_names: tuple[str, ...]
) -> npt.NDArray[np.intp] | None:
    """Find the model's inputs in the vector; None where they are the vector as it is."""
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
