"""Which payments train and which test: the Handbook's folds (chapters 3 and 5).

A fold with start S trains on the week S..S+6, waits a week for its labels (S+7..S+13) and tests on
the week S+14..S+20. Payments of cards that are known to be compromised are left out of the test,
since such a card would have been blocked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from sentinel_core.errors import InvalidRequestError, Problem

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class JudgedPayments:
    """What the protocol and its measures read of payments, by column.

    Attributes
    ----------
    days : (n,) datetime64[D] of the payment
    cards : (n,) card ids
    frauds : (n,) bool, the truth, whenever it became known
    """

    days: np.ndarray
    cards: np.ndarray
    frauds: np.ndarray

    @classmethod
    def from_stream(cls, stream: pa.Table) -> JudgedPayments:
        """Take them from a table with the published columns, raw or transformed."""
        return cls(
            days=stream["TX_DATETIME"].to_numpy().astype("datetime64[D]"),
            cards=stream["CUSTOMER_ID"].to_numpy(),
            frauds=stream["TX_FRAUD"].to_numpy() == 1,
        )

    def __len__(self) -> int:
        return len(self.days)

    def take(self, rows: np.ndarray) -> JudgedPayments:
        """Return these rows, named by number or by a mask."""
        return JudgedPayments(self.days[rows], self.cards[rows], self.frauds[rows])


@dataclass(frozen=True, slots=True)
class Fold:
    """One training start S and the days that follow from it.

    Attributes
    ----------
    start : S, the first day of the training week
    train_days, delay_days, test_days : lengths; 7 each in every published table
    """

    start: date
    train_days: int = WEEK_DAYS
    delay_days: int = WEEK_DAYS
    test_days: int = WEEK_DAYS

    @property
    def delay_start(self) -> date:
        """The day after the training week."""
        return self.start + timedelta(days=self.train_days)

    @property
    def test_start(self) -> date:
        """First test day; whatever a model uses must have been known when it began."""
        return self.delay_start + timedelta(days=self.delay_days)

    @property
    def test_end(self) -> date:
        """The day after the last test day."""
        return self.test_start + timedelta(days=self.test_days)


def folds(start: date, count: int) -> tuple[Fold, ...]:
    """List ``count`` folds whose training starts go back from ``start`` by a week each."""
    return tuple(Fold(start - timedelta(days=WEEK_DAYS * number)) for number in range(count))


BASELINE_FOLD = Fold(date(2018, 7, 25))
"""The split of the Handbook's first table of results."""
TEST_FOLDS = folds(date(2018, 8, 15), 4)
"""Test weeks from 08-29, 08-22, 08-15 and 08-08: reported, never used to choose."""
VALIDATION_FOLDS = folds(date(2018, 7, 11), 4)
"""On which parameters are chosen; their test weeks end a week before those of `TEST_FOLDS` begin."""


def mark_training(
    payments: JudgedPayments, fold: Fold, *, history_days: int | None = None
) -> np.ndarray:
    """Mark the payments to train on.

    Parameters
    ----------
    history_days : int, optional
        Days before the delay to train on; the fold's own training week where it is not given. More
        is fair, since each of their labels was known when the test began.

    Returns
    -------
    (n,) bool
    """
    length = timedelta(days=fold.train_days if history_days is None else history_days)
    return _within(payments.days, fold.delay_start - length, fold.delay_start)


def mark_test(payments: JudgedPayments, fold: Fold) -> np.ndarray:
    """Mark the test payments of cards that were not yet known to be compromised.

    Known on a test day are the cards with a fraud from the fold's start up to the eighth day before
    it (a day more than the delay): each test day adds one day to what is known.

    Returns
    -------
    (n,) bool

    Raises
    ------
    InvalidRequestError
        The payments do not cover the fold. Retryable: no.
    """
    _refuse_uncovered(payments, fold)
    test = np.zeros(len(payments), dtype=bool)
    delay = timedelta(days=fold.delay_days)
    for number in range(fold.test_days):
        day = fold.test_start + timedelta(days=number)
        told = payments.frauds & _within(payments.days, fold.start, day - delay)
        known = np.unique(payments.cards[told])
        today = _within(payments.days, day, day + timedelta(days=1))
        test |= today & ~np.isin(payments.cards, known)
    return test


def _within(days: np.ndarray, start: date, stop: date) -> np.ndarray:
    inside: np.ndarray = (days >= np.datetime64(start)) & (days < np.datetime64(stop))
    return inside


def _refuse_uncovered(payments: JudgedPayments, fold: Fold) -> None:
    first, last = payments.days.min().item(), payments.days.max().item()
    if fold.start < first or fold.test_end > last + timedelta(days=1):
        needed = f"{fold.start} to {fold.test_end - timedelta(days=1)}"
        problem = Problem("start", f"needs payments from {needed}", "choose another start")
        message = f"A fold is not covered by the payments, which run from {first} to {last}."
        raise InvalidRequestError(message, (problem,), user_action="Choose a fold within them.")
