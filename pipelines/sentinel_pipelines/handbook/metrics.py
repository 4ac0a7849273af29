"""The three figures of the published tables, and how far chance moves them.

AUC ROC and average precision judge payments. Card precision at 100 judges what an analyst gets who
can look at 100 cards a day, and is the figure closest to the work (Handbook, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from sentinel_pipelines.handbook.protocol import JudgedPayments

CARDS_PER_DAY = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of a published table; each in [0, 1], higher is better."""

    auc_roc: float
    average_precision: float
    card_precision: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper quantile of a figure under resampling."""

    lower: float
    upper: float


def measure(payments: JudgedPayments, scores: np.ndarray) -> Figures:
    """Measure scores of a fold's test payments, which must hold a fraud and a genuine payment.

    Parameters
    ----------
    scores : (n,) finite, higher is more suspect; only their order matters
    """
    return Figures(
        auc_roc=float(roc_auc_score(payments.frauds, scores)),
        average_precision=float(average_precision_score(payments.frauds, scores)),
        card_precision=card_precision_at_k(payments, scores),
    )


def card_precision_at_k(
    payments: JudgedPayments, scores: np.ndarray, k: int = CARDS_PER_DAY
) -> float:
    """Return the share of the k most suspect cards of a day that have a fraud that day, over days.

    Cards rank by their highest score of the day; compromised cards found on an earlier day are left
    out. Cards of equal score rank by their id, where the Handbook leaves them to an unstable sort:
    for a tree of four leaves that moves the figure by up to 0.005, for models with many scores not
    at all.

    Returns
    -------
    float in [0, 1]
        The mean over days. A day with fewer than k cards still divides by k, as in the Handbook;
        with few frauds a day even a perfect ranking stays far below 1.
    """
    found = np.array([], dtype=payments.cards.dtype)
    shares: list[float] = []
    for day in np.unique(payments.days):
        rows = np.flatnonzero((payments.days == day) & ~np.isin(payments.cards, found))
        cards, highest, defrauded = _by_card(payments.take(rows), scores[rows])
        first = np.argsort(-highest, kind="stable")[:k]
        hit = first[defrauded[first]]
        found = np.concatenate([found, cards[hit]])
        shares.append(len(hit) / k)
    return float(np.mean(shares))


def resample_by_card(
    payments: JudgedPayments, scores: np.ndarray, *, resamples: int, seed: int = 0
) -> Iterator[Figures]:
    """Measure resamples of the test payments, drawn with replacement by card.

    Cards and not payments are drawn, because payments of one card share its habits and its frauds,
    and card precision is a figure of cards; a card drawn twice counts as two. What a whole week has
    in common (a compromised terminal) stays fixed, so the spread over folds is still to be reported.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(payments.cards, kind="stable")
    _, starts = np.unique(payments.cards[order], return_index=True)
    rows_of = np.split(order, starts[1:])
    for _ in range(resamples):
        drawn = [rows_of[card] for card in generator.integers(len(rows_of), size=len(rows_of))]
        rows = np.concatenate(drawn)
        copies = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
        sample = JudgedPayments(payments.days[rows], copies, payments.frauds[rows])
        yield measure(sample, scores[rows])


def interval(values: list[float], level: float = 0.95) -> Interval:
    """Return the central interval that holds ``level`` (in (0, 1)) of resampled values."""
    lower, upper = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(lower), float(upper))


def _by_card(
    payments: JudgedPayments, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cards in id order, the highest score of each, and whether it has a fraud."""
    cards, card_of_row = np.unique(payments.cards, return_inverse=True)
    highest = np.full(len(cards), -np.inf)
    np.maximum.at(highest, card_of_row, scores)
    defrauded = np.zeros(len(cards), dtype=bool)
    defrauded[card_of_row[payments.frauds]] = True
    return cards, highest, defrauded
