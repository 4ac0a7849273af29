"""What a model reached on the test weeks: figures, their intervals, calibration.

The figures are those of the Handbook's tables, so that they can stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from sentinel_core.errors import InvalidRequestError, Problem
from sentinel_pipelines.handbook.metrics import (
    CARDS_PER_DAY,
    Figures,
    Interval,
    card_precision_at_k,
    interval,
    measure,
    resample_by_card,
)
from sentinel_pipelines.handbook.protocol import Fold, JudgedPayments
from sentinel_pipelines.handbook.published import LEAK_ALARM_AUC_ROC
from sentinel_pipelines.steps.reliability import CalibrationError, measure_calibration

RESAMPLES = 100
"""Enough for the ends of a 95 % interval to two digits; one takes about 0.04 s on a test week."""
STD_KIND = "population"
"""Deviations over folds divide by n: the published ones come from scikit-learn's grid search, which
does."""
_JSON_NAMES = {
    "auc_roc": "auc",
    "average_precision": "average_precision",
    "card_precision": f"card_precision_{CARDS_PER_DAY}",
}


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPayments:
    """Test payments with what a model said of them, in one order.

    Attributes
    ----------
    payments : JudgedPayments
    amounts : (n,) float64, in units of the currency
    probabilities : (n,) float64 in [0, 1], calibrated
    """

    payments: JudgedPayments
    amounts: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """What a model reached on one test week.

    Attributes
    ----------
    fold : Fold
    payments : JudgedPayments, the fold's test payments
    amounts : (n,) float64, in units of the currency
    margins : (n,) float64, in log-odds before calibration
    probabilities : (n,) float64 in [0, 1], calibrated
    figures : Figures of the margins, which calibration leaves as they are
    intervals : 95 % by the name of the figure, under resampling of cards; empty without resamples
    calibration : CalibrationError
    card_precision_per_day : share of the first 100 cards with a fraud, by test day
    """

    fold: Fold
    payments: JudgedPayments
    amounts: np.ndarray
    margins: np.ndarray
    probabilities: np.ndarray
    figures: Figures
    intervals: dict[str, Interval]
    calibration: CalibrationError
    card_precision_per_day: list[tuple[date, float]]

    @property
    def scored(self) -> ScoredPayments:
        """The payments with their probabilities."""
        return ScoredPayments(self.payments, self.amounts, self.probabilities)


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over folds.

    Attributes
    ----------
    mean, std : Figures; the deviation divides by the number of folds
    leak_alarm : what to do about a mean AUC ROC too good to be true; None where it is not
    """

    mean: Figures
    std: Figures
    leak_alarm: str | None


def evaluate_fold(  # noqa: PLR0913 - each array is one column of the same rows
    fold: Fold,
    payments: JudgedPayments,
    amounts: np.ndarray,
    margins: np.ndarray,
    probabilities: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> FoldResult:
    """Measure one test week.

    Parameters
    ----------
    payments : JudgedPayments
        The rows of `protocol.mark_test` and no others.
    amounts, margins, probabilities : (n,)
        Of the same rows, in the same order; see `FoldResult`.
    resamples : int
        For the intervals; 0 leaves them out.

    Raises
    ------
    InvalidRequestError
        The columns do not fit each other or the fold, or the week holds one class only.
        Retryable: no.
    """
    columns = {"amounts": amounts, "margins": margins, "probabilities": probabilities}
    _refuse_unfit(fold, payments, columns)
    drawn = resample_by_card(payments, margins, resamples=resamples, seed=seed)
    return FoldResult(
        fold=fold,
        payments=payments,
        amounts=amounts,
        margins=margins,
        probabilities=probabilities,
        figures=measure(payments, margins),
        intervals=_intervals(list(drawn)),
        calibration=measure_calibration(payments.frauds, probabilities),
        card_precision_per_day=_card_precision_per_day(payments, margins),
    )


def summarise(results: Sequence[FoldResult]) -> Summary:
    """Take mean and standard deviation over folds, of which there is at least one."""
    mean = _over_folds(results, np.mean)
    return Summary(mean, _over_folds(results, np.std), _leak_alarm(mean.auc_roc))


def pool(results: Sequence[FoldResult]) -> ScoredPayments:
    """Put the test weeks of folds one after the other, as calibration and costs are judged."""
    parts = [result.payments for result in results]
    payments = JudgedPayments(
        days=np.concatenate([part.days for part in parts]),
        cards=np.concatenate([part.cards for part in parts]),
        frauds=np.concatenate([part.frauds for part in parts]),
    )
    amounts = np.concatenate([result.amounts for result in results])
    return ScoredPayments(payments, amounts, np.concatenate([r.probabilities for r in results]))


def to_json(results: Sequence[FoldResult]) -> dict[str, Any]:
    """Write the figures as plain JSON, for files that are compared between commits.

    Returns
    -------
    dict
        ``mean``, ``std`` (with ``std_kind``), ``leak_alarm``, and ``folds`` with one object each.
    """
    summary = summarise(results)
    return {
        "mean": _plain_figures(summary.mean),
        "std": _plain_figures(summary.std),
        "std_kind": STD_KIND,
        "leak_alarm": summary.leak_alarm,
        "folds": [_plain_fold(result) for result in results],
    }


def _refuse_unfit(fold: Fold, payments: JudgedPayments, columns: dict[str, np.ndarray]) -> None:
    problems = [
        Problem(name, f"has shape {column.shape} for {len(payments)} payments", "pass one each")
        for name, column in columns.items()
        if column.shape != (len(payments),)
    ]
    problems += [
        Problem(name, "holds numbers that are not finite", "find the row whose features made them")
        for name, column in columns.items()
        if not np.isfinite(column).all()
    ]
    probabilities = columns["probabilities"]
    if ((probabilities < 0) | (probabilities > 1)).any():
        problems.append(Problem("probabilities", "leave [0, 1]", "pass them calibrated"))
    start, end = np.datetime64(fold.test_start), np.datetime64(fold.test_end)
    if ((payments.days < start) | (payments.days >= end)).any():
        problems.append(Problem("payments", "lie outside the test week", "take mark_test's rows"))
    if payments.frauds.all() or not payments.frauds.any():
        problems.append(Problem("payments", "are all of one class", "choose another start"))
    if problems:
        message = f"The fold from {fold.start} cannot be measured."
        action = "Pass the fold's test payments, one value of each column for each."
        raise InvalidRequestError(message, tuple(problems), user_action=action)


def _intervals(drawn: list[Figures]) -> dict[str, Interval]:
    if not drawn:
        return {}
    return {name: interval([getattr(one, name) for one in drawn]) for name in _JSON_NAMES}


def _card_precision_per_day(
    payments: JudgedPayments, margins: np.ndarray
) -> list[tuple[date, float]]:
    """Take the days apart by measuring ever longer spans.

    Which cards a day leaves out depends on earlier days alone, so the hits of a span, which are whole
    numbers, grow by those of its last day. So there is one definition of the figure.
    """
    days = np.unique(payments.days)
    hits = [0]
    for number, day in enumerate(days, start=1):
        rows = payments.days <= day
        share = card_precision_at_k(payments.take(rows), margins[rows])
        hits.append(round(share * number * CARDS_PER_DAY))
    shares = np.diff(hits) / CARDS_PER_DAY
    return [(day.item(), float(share)) for day, share in zip(days, shares, strict=True)]


def _over_folds(results: Sequence[FoldResult], reduce: Callable[[list[float]], Any]) -> Figures:
    values = {
        field.name: float(reduce([getattr(result.figures, field.name) for result in results]))
        for field in fields(Figures)
    }
    return Figures(**values)


def _leak_alarm(auc_roc: float) -> str | None:
    if auc_roc <= LEAK_ALARM_AUC_ROC:
        return None
    return (
        f"The mean AUC ROC of {auc_roc:.3f} is above {LEAK_ALARM_AUC_ROC}. Over the four test weeks "
        "nothing that learns of frauds 7 days late gets there, so that a feature or the training "
        "rows have most likely seen labels too early. Check the delays of the features and when the "
        "labels became known."
    )


def _plain_figures(figures: Figures) -> dict[str, float]:
    return {_JSON_NAMES[name]: value for name, value in asdict(figures).items()}


def _plain_fold(result: FoldResult) -> dict[str, Any]:
    ends = result.intervals.items()
    return {
        "start": result.fold.start.isoformat(),
        "test_start": result.fold.test_start.isoformat(),
        **_plain_figures(result.figures),
        "intervals_95": {_JSON_NAMES[name]: [one.lower, one.upper] for name, one in ends},
        "ece": result.calibration.overall,
        "ece_suspect": result.calibration.suspect,
        "payments": len(result.payments),
        "frauds": int(result.payments.frauds.sum()),
    }
