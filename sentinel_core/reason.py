"""A reason: one sentence of a decision that an analyst understands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a signal stands where it stands, or what a rule found.

    Attributes
    ----------
    code : stable name, such as ``feature:terminal_risk_28d`` or ``rule:sanctioned-region``
    text : one sentence in words, with the values that matter
    weight : share of its source that this reason carries, in the source's own unit (log-odds for a
        model, points for a rule); the source's points are shared in proportion to positive weights
    """

    code: str
    text: str
    weight: float


def as_sentence(phrase: str) -> str:
    """Write a phrase as a sentence.

    Examples
    --------
    >>> as_sentence("3 payments with this card in 1 hour")
    '3 payments with this card in 1 hour.'
    """
    return f"{phrase[:1].upper()}{phrase[1:]}."
