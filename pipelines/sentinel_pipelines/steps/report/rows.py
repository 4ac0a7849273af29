"""The rows of a report's tables."""

from __future__ import annotations

from sentinel_pipelines.handbook.metrics import Figures, Interval
from sentinel_pipelines.steps.candidates import Candidate
from sentinel_pipelines.steps.evaluate import FoldResult
from sentinel_pipelines.steps.report.content import FeatureRow
from sentinel_pipelines.steps.report.elements import Content, Markup, element, join
from sentinel_pipelines.steps.thresholds import ThresholdRow

FIGURE_NAMES = ("AUC ROC", "Average precision", "Card precision at 100")
FIGURE_COLUMNS = tuple(f"#{name}" for name in FIGURE_NAMES)


def standing_cells(
    name: str, figures: Figures, source: str, *, ours: bool = False
) -> list[Content]:
    """Return one model's figures; ours stand out."""
    cells: list[Content] = [name, *(f"{value:.3f}" for value in values_of(figures))]
    return [*(element("strong", cell) if ours else cell for cell in cells), source]


def fold_cells(result: FoldResult) -> list[Content]:
    """Return what was measured on one test week."""
    ends = [
        result.intervals.get(name) for name in ("auc_roc", "average_precision", "card_precision")
    ]
    figures = zip(values_of(result.figures), ends, strict=True)
    return [
        element("time", str(result.fold.start)),
        element("time", str(result.fold.test_start)),
        f"{len(result.payments):,}",
        f"{int(result.payments.frauds.sum()):,}",
        *(_with_interval(value, end) for value, end in figures),
        f"{result.calibration.overall:.4f}",
        _or_dash(result.calibration.suspect, ".4f"),
    ]


def threshold_cells(row: ThresholdRow, proposed: str | None) -> list[Content]:
    """Return what happens from one bound on; a proposed one says of what."""
    name: Content = f"{row.score:g}"
    if proposed is not None:
        name = element("strong", f"{row.score:g} ({proposed})")
    return [
        name,
        f"{row.probability:.4g}",
        _or_dash(row.precision, ".3f"),
        _or_dash(row.recall, ".3f"),
        f"{row.alerts_per_day:,.1f}",
        f"{row.cards_per_day:,.1f}",
        f"{row.review_cost_per_day:,.0f}",
        f"{row.block_cost_per_day:,.0f}",
    ]


def candidate_cells(one: Candidate) -> list[Content]:
    """Return one trainer's figures and times, or why it was not tried."""
    if one.figures is None:
        return [one.name, f"Not run: {one.reason}."]
    times = ((one.fit_seconds, ".2f"), (one.row_us, ",.0f"), (one.served_row_us, ",.0f"))
    return [
        one.name,
        *(f"{value:.3f}" for value in values_of(one.figures)),
        *(_or_dash(value, shape) for value, shape in times),
    ]


def feature_cells(row: FeatureRow, largest: float) -> list[Content]:
    """Return a feature with its importance as number and bar."""
    bar = element("span", class_="bar", style=f"width:{100 * row.importance / largest:.1f}%")
    return [element("code", row.name), row.description, join([f"{row.importance:.4g}", bar])]


def values_of(figures: Figures) -> tuple[float, float, float]:
    """Return the three figures in the order of `FIGURE_NAMES`."""
    return figures.auc_roc, figures.average_precision, figures.card_precision


def _with_interval(value: float, end: Interval | None) -> Content:
    if end is None:
        return f"{value:.3f}"
    spread = element("span", f"{end.lower:.3f} to {end.upper:.3f}", class_="range")
    return join([f"{value:.3f}", Markup("<br>"), spread])


def _or_dash(value: float | None, shape: str) -> str:
    return "-" if value is None else format(value, shape)
