"""The pictures of a report, each an ``svg`` element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve

from sentinel_pipelines.handbook.published import BEST_PUBLISHED, KNOWABLE
from sentinel_pipelines.steps.candidates import Candidate, Comparison
from sentinel_pipelines.steps.evaluate import FoldResult, ScoredPayments
from sentinel_pipelines.steps.reliability import SUSPECT_FROM, ReliabilityBin
from sentinel_pipelines.steps.report.elements import Markup
from sentinel_pipelines.steps.report.svg import (
    DASHES,
    FRAUD,
    GENUINE,
    INK,
    MUTED,
    SERIES,
    draw,
)
from sentinel_pipelines.steps.thresholds import CostCurve, ProposedBounds, score_alone

LEAST_SCORE = 0.01
"""Lower scores are drawn here: their axis is logarithmic."""
_FIGURES = (
    ("auc_roc", "AUC ROC"),
    ("average_precision", "Average precision"),
    ("card_precision", "Card precision at 100"),
)


def plot_precision_recall(results: Sequence[FoldResult]) -> Markup:
    """Plot precision over recall, a line for each fold."""

    def fill(figure: Any) -> None:
        axes = figure.add_subplot()
        for number, result in enumerate(results):
            precision, recall, _ = precision_recall_curve(
                result.payments.frauds, result.margins, drop_intermediate=True
            )
            axes.plot(recall, precision, label=_week(result), **_line(number))
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set(
            xlabel="Recall: share of the frauds found", ylabel="Precision: share that is fraud"
        )
        axes.legend(title="Test week from", alignment="left", loc="lower left")

    return draw("precision-recall", (8, 4.2), "Precision over recall for each test week.", fill)


def plot_reliability(bins: Sequence[ReliabilityBin]) -> Markup:
    """Plot the share of frauds found over the probability said, both axes logarithmic."""
    least = SUSPECT_FROM / 4

    def fill(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.plot([least, 1], [least, 1], color=MUTED, linestyle="--", linewidth=1)
        said = np.array([one.mean_probability for one in bins])
        # A logarithmic axis has no 0: what lies lower is drawn at its end.
        found, lower, upper = (
            np.maximum([getattr(one, name) for one in bins], least)
            for name in ("fraud_share", "lower", "upper")
        )
        axes.vlines(said, lower, upper, color=GENUINE, linewidth=1.2)
        axes.plot(said, found, color=GENUINE, marker="o", markersize=5, linewidth=0)
        axes.set(xscale="log", yscale="log", xlim=(SUSPECT_FROM * 0.8, 1.1), ylim=(least, 1.1))
        axes.set(xlabel="Probability said", ylabel="Share of frauds found")
        _name_ticks(axes.xaxis, [0.01, 0.03, 0.1, 0.3, 1])
        _name_ticks(axes.yaxis, [0.003, 0.01, 0.03, 0.1, 0.3, 1])

    return draw("reliability", (8, 4.2), "Share of frauds over the probability said.", fill)


def plot_scores(scored: ScoredPayments) -> Markup:
    """Plot how many payments have which score, frauds against genuine, both axes logarithmic."""
    scores = np.maximum(score_alone(scored.probabilities), LEAST_SCORE)
    edges = np.geomspace(LEAST_SCORE, 100, 61)
    kinds = (
        ("genuine", ~scored.payments.frauds, GENUINE, "-"),
        ("fraud", scored.payments.frauds, FRAUD, "--"),
    )

    def fill(figure: Any) -> None:
        axes = figure.add_subplot()
        for label, rows, colour, dashes in kinds:
            counts, _ = np.histogram(scores[rows], bins=edges)
            axes.stairs(
                counts,
                edges,
                label=label,
                color=colour,
                linestyle=dashes,
                linewidth=1.6,
                baseline=None,
            )
        axes.set(xscale="log", yscale="log", xlim=(LEAST_SCORE, 100), ylim=(0.8, None))
        axes.set(xlabel="Score (100 p; lower than 0.01 drawn at 0.01)", ylabel="Payments")
        _name_ticks(axes.xaxis, [0.01, 0.1, 1, 10, 100])
        axes.legend(loc="upper right")

    return draw("scores", (8, 3.8), "Numbers of genuine and fraudulent payments by score.", fill)


def plot_card_precision(results: Sequence[FoldResult], *, with_published: bool) -> Markup:
    """Plot card precision at 100 over test days, with the mean of each week."""
    rising = sorted(results, key=lambda result: result.fold.test_start)
    first = rising[0].fold.test_start.toordinal()

    def fill(figure: Any) -> None:
        axes = figure.add_subplot()
        if with_published:
            _mark_height(axes, KNOWABLE.card_precision, "knowable ceiling", "bottom")
            _mark_height(axes, BEST_PUBLISHED.card_precision, "best published", "top")
        for result in rising:
            days = [day.toordinal() - first for day, _ in result.card_precision_per_day]
            shares = [share for _, share in result.card_precision_per_day]
            axes.plot(days, shares, color=GENUINE, marker="o", markersize=4)
            axes.hlines(
                np.mean(shares),
                days[0] - 0.4,
                days[-1] + 0.4,
                color=GENUINE,
                linewidth=4,
                alpha=0.3,
            )
        starts = [result.fold.test_start for result in rising]
        axes.set_xticks([day.toordinal() - first for day in starts], [str(day) for day in starts])
        axes.set(ylim=(0, None), ylabel="Share of 100 cards")

    return draw("card-precision", (8, 3.4), "Card precision at 100 on each test day.", fill)


def plot_costs(curve: CostCurve, bounds: ProposedBounds) -> Markup:
    """Plot net cost per day over the bound, with the proposed bounds marked."""

    def fill(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.plot(curve.bounds, curve.review, color=GENUINE, label="review from the bound on")
        axes.plot(
            curve.bounds, curve.block, color=FRAUD, linestyle="--", label="block from the bound on"
        )
        axes.axhline(curve.approve, color=MUTED, linestyle=":", label="approve everything")
        axes.set(xscale="log", yscale="log", xlim=(curve.bounds[0], 100))
        axes.set(xlabel="Bound on the score", ylabel="Net cost per day")
        _name_ticks(axes.xaxis, [0.1, 0.3, 1, 3, 10, 30, 100])
        _name_ticks(axes.yaxis, _round_numbers(axes.get_ylim()))
        for label, bound in _bound_labels(bounds):
            axes.axvline(bound, color=INK, linewidth=1)
            above = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
            axes.annotate(label, (bound, 1.01), **above)
        axes.legend(loc="upper right", bbox_to_anchor=(0.93, 1))

    return draw("costs", (8, 4.2), "Net cost per day over the bound on the score.", fill)


def plot_candidates(comparison: Comparison) -> Markup:
    """Plot the figures of the candidates that ran, as bars."""
    ran = [one for one in comparison.candidates if one.figures is not None]

    def fill(figure: Any) -> None:
        panels = figure.subplots(1, len(_FIGURES), sharey=True)
        for axes, (name, title) in zip(panels, _FIGURES, strict=True):
            _draw_bars(axes, ran, name)
            axes.set_title(title, loc="left")
        panels[0].set_yticks(range(len(ran)), [one.name for one in ran])
        panels[0].invert_yaxis()

    height = 0.8 + 0.34 * len(ran)
    return draw("candidates", (8, height), "Figures of the candidates as bars.", fill)


def _draw_bars(axes: Any, ran: Sequence[Candidate], name: str) -> None:
    values = [getattr(one.figures, name) for one in ran]
    axes.barh(range(len(ran)), values, height=0.62, color=GENUINE)
    for place, value in enumerate(values):
        beside = {"textcoords": "offset points", "va": "center"}
        axes.annotate(f"{value:.3f}", (value, place), (4, 0), **beside)
    axes.set_xlim(0, 1.3 * max(values, default=1))
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)


def _bound_labels(bounds: ProposedBounds) -> list[tuple[str, float]]:
    if bounds.review == bounds.block:
        return [(f"block {bounds.block:g}, no reviews", bounds.block)]
    return [(f"review {bounds.review:g}", bounds.review), (f"block {bounds.block:g}", bounds.block)]


def _line(number: int) -> dict[str, Any]:
    """Return colour and dashes; both change, so that lines differ without colour too."""
    turn = number // len(SERIES)
    dashes = DASHES[(number + turn) % len(DASHES)]
    return {"color": SERIES[number % len(SERIES)], "linestyle": dashes}


def _week(result: FoldResult) -> str:
    return f"{result.fold.test_start} (AP {result.figures.average_precision:.3f})"


def _mark_height(axes: Any, height: float, label: str, side: str) -> None:
    """Draw a line across, named on the side of it where "bottom" or "top" of the text touches."""
    axes.axhline(height, color=MUTED, linestyle="--", linewidth=1)
    axes.annotate(
        f"{label} {height:.3f}", (1, height), xycoords=("axes fraction", "data"),
        ha="right", va=side, color=MUTED,
    )  # fmt: skip


def _name_ticks(axis: Any, values: Sequence[float]) -> None:
    """Write plain numbers at these places, where matplotlib would write powers of ten."""
    axis.set_ticks(values, [f"{v:g}" if v < 1000 else f"{v:,.0f}" for v in values])
    axis.set_ticks([], minor=True)


def _round_numbers(span: tuple[float, float]) -> list[float]:
    """List 1, 2 and 5 times powers of ten within a span."""
    powers = range(-2, 12)
    numbers = (factor * 10.0**power for power in powers for factor in (1, 2, 5))
    return [number for number in numbers if span[0] <= number <= span[1]]
