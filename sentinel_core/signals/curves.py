"""The signals velocity and behaviour: curves read against a feature vector."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sentinel_core.reason import Reason, as_sentence
from sentinel_core.signals.profile import BehaviourProfile, Curve, VelocityProfile
from sentinel_core.signals.signal import Signal, SignalKind

Phrases = Mapping[str, Callable[[float], str]]
"""Makers of a phrase from a feature's value, by name of the feature."""


class VelocitySignal:
    """The risk of how much happened in a short time, ready to read vectors of one feature spec.

    Parameters
    ----------
    names : sequence of str
        Features in the order of the vector; every feature of a curve is among them.
    phrases : mapping
        For each feature of a curve, a function from its value to a phrase without a full stop.
    """

    kind: ClassVar[SignalKind] = "velocity"

    def __init__(self, profile: VelocityProfile, names: Sequence[str], phrases: Phrases) -> None:
        self._curves = _bind(profile.curves, names, phrases)

    def evaluate(self, vector: Sequence[float]) -> Signal:
        """Read one vector; NaN is missing. Absent where the features of all curves are missing."""
        return _evaluate(self.kind, self._curves, vector)


class BehaviourSignal:
    """The risk of deviating from a habit, ready to read vectors of one feature spec.

    Parameters are those of `VelocitySignal`.
    """

    kind: ClassVar[SignalKind] = "behaviour"

    def __init__(self, profile: BehaviourProfile, names: Sequence[str], phrases: Phrases) -> None:
        self._curves = _bind(profile.curves, names, phrases)
        self._history = names.index(profile.history)
        self._min_history = profile.min_history

    def evaluate(self, vector: Sequence[float]) -> Signal:
        """Read one vector; NaN is missing.

        Absent where the entity has too short a history, where the length of its history is
        missing, or where the features of all curves are.
        """
        # Written this way round so that a missing length (NaN) is too short.
        if not vector[self._history] >= self._min_history:
            return Signal(self.kind, self.kind, "absent")
        return _evaluate(self.kind, self._curves, vector)


@dataclass(frozen=True, slots=True)
class _BoundCurve:
    index: int
    code: str
    phrase: Callable[[float], str]
    xs: tuple[float, ...]
    ys: tuple[float, ...]


def risk_at(xs: Sequence[float], ys: Sequence[float], value: float) -> float:
    """Read a curve at a value that is not NaN.

    Examples
    --------
    >>> [risk_at((3, 10), (0.2, 0.9), x) for x in (2, 3, 6.5, 10, 99)]
    [0.0, 0.2, 0.55, 0.9, 0.9]
    """
    right = bisect_right(xs, value)
    if right == 0:
        return 0.0
    if right == len(xs):
        return ys[-1]
    x0, x1, y0, y1 = xs[right - 1], xs[right], ys[right - 1], ys[right]
    # Rounding must not lift a value above the point to its right: the curve would fall there.
    return min(y1, y0 + (y1 - y0) * ((value - x0) / (x1 - x0)))


def _bind(
    curves: Sequence[Curve], names: Sequence[str], phrases: Phrases
) -> tuple[_BoundCurve, ...]:
    return tuple(
        _BoundCurve(
            index=names.index(curve.feature),
            code=f"feature:{curve.feature}",
            phrase=phrases[curve.feature],
            xs=tuple(x for x, _ in curve.points),
            ys=tuple(y for _, y in curve.points),
        )
        for curve in curves
    )


def _evaluate(kind: SignalKind, curves: Sequence[_BoundCurve], vector: Sequence[float]) -> Signal:
    read = [(c, vector[c.index]) for c in curves if not math.isnan(vector[c.index])]
    if not read:
        return Signal(kind, kind, "absent")
    risks = [risk_at(curve.xs, curve.ys, value) for curve, value in read]
    score = max(risks)
    reasons = tuple(
        Reason(curve.code, as_sentence(curve.phrase(value)), risk if risk == score else 0.0)
        for (curve, value), risk in zip(read, risks, strict=True)
        if risk > 0
    )
    return Signal(kind, kind, "ok", score, reasons, raw=read[risks.index(score)][1])
