"""The parts of a report: words and tables around the pictures."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel_pipelines.handbook.published import BEST_PUBLISHED, FLOOR, KNOWABLE
from sentinel_pipelines.steps.candidates import Comparison
from sentinel_pipelines.steps.evaluate import (
    STD_KIND,
    FoldResult,
    ScoredPayments,
    Summary,
    pool,
    summarise,
)
from sentinel_pipelines.steps.reliability import (
    SUSPECT_FROM,
    measure_calibration,
    reliability_curve,
)
from sentinel_pipelines.steps.report import plots
from sentinel_pipelines.steps.report.content import (
    FeatureRow,
    ReportInput,
    are_test_folds,
    published_beside,
)
from sentinel_pipelines.steps.report.elements import Content, Markup, element, join, table
from sentinel_pipelines.steps.report.rows import (
    FIGURE_COLUMNS,
    FIGURE_NAMES,
    candidate_cells,
    feature_cells,
    fold_cells,
    standing_cells,
    threshold_cells,
    values_of,
)
from sentinel_pipelines.steps.thresholds import cost_curve, judge_bounds, threshold_table

TABLE_SCORES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0)
"""Rows of the table of bounds, beside the proposed bounds."""


def build_head(report: ReportInput) -> Markup:
    """Say what was measured, and the three means."""
    summary = summarise(report.results)
    facts = [join([element("dt", name), element("dd", value)]) for name, value in report.facts]
    return join(
        [
            element("h1", report.title),
            element("p", report.measured, class_="lead"),
            _alarm(summary),
            _tiles(report.results, summary),
            element("dl", *facts) if facts else "",
        ]
    )


def build_standing(report: ReportInput) -> Markup:
    """Put our figures beside the published ones and what can be known."""
    mean = summarise(report.results).mean
    rows: list[list[Content]] = [standing_cells("This model", mean, "measured here", ours=True)]
    note = "These weeks are not those of a published table, so that no other figure is comparable."
    if are_test_folds(report.results):
        rows += [
            standing_cells(
                "Knowable ceiling", KNOWABLE, "an oracle told every fraud that can be known"
            ),
            standing_cells(
                "Best published", BEST_PUBLISHED, "figure by figure, of any model below"
            ),
            standing_cells("Floor", FLOOR, "the least that is shipped"),
        ]
    published = published_beside(report.results)
    rows += [standing_cells(one.model, one.figures, f"chapter {one.chapter}") for one in published]
    if published:
        note = (
            "Published: Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud "
            "Detection, 2022, on the same weeks of the same stream. All figures: higher is better."
        )
    made = table("Figures on the same test weeks", ["Model", *FIGURE_COLUMNS, "Source"], rows)
    return _section("Beside what others reached", element("p", note, class_="note"), made)


def build_folds(report: ReportInput) -> Markup:
    """List the figures of each fold."""
    columns = ["Fold from", "Tested from", "#Payments", "#Frauds", *FIGURE_COLUMNS]
    columns += ["#ECE", "#ECE suspect"]
    rows = [fold_cells(result) for result in report.results]
    made = table("Each test week; 95 % intervals by resampling cards", columns, rows)
    note = (
        "A fold begins with its training week, waits a week for the labels and is tested on the "
        "week after; a model may train on earlier weeks too. "
        "ECE: expected calibration error; suspect: of the payments with a probability of "
        f"{SUSPECT_FROM:g} or more."
    )
    return _section("Each test week", element("p", note, class_="note"), made)


def build_ranking(report: ReportInput) -> Markup:
    """Show how well frauds are found: precision-recall, then card precision."""
    return _section(
        "Finding frauds",
        _figure(
            plots.plot_precision_recall(report.results),
            "Precision and recall: each line is a test week; the further up and right it runs, the "
            "more frauds are found (recall) among fewer false alarms (precision).",
        ),
        _figure(
            plots.plot_card_precision(
                report.results, with_published=are_test_folds(report.results)
            ),
            "Card precision: each point is the share of the day's 100 most suspect cards that had a "
            "fraud that day, each thick line the mean of its week; higher is better.",
        ),
    )


def build_probabilities(report: ReportInput) -> Markup:
    """Show calibration and the scores of frauds and genuine payments."""
    scored = pool(report.results)
    return _section(
        "Probabilities",
        element("p", _calibration_sentence(scored)),
        _figure(
            _reliability(scored),
            "Reliability: each point is an equal share of the suspect payments of all weeks, with "
            "its 95 % interval; on the dashed line as many are fraud as the model says.",
        ),
        _figure(
            plots.plot_scores(scored),
            "Scores: how many payments have which score, both axes logarithmic; where the line of "
            "the frauds is the higher one, most payments of that score are fraud.",
        ),
    )


def build_costs(report: ReportInput) -> Markup:
    """Show what bounds cost, and the proposed ones."""
    scored, bounds, costs = pool(report.results), report.bounds, report.costs
    curve = cost_curve(scored, costs)
    scores = sorted({*TABLE_SCORES, bounds.review, bounds.block})
    proposed = {bounds.review: "review", bounds.block: "block"}
    rows = [
        threshold_cells(row, proposed.get(row.score))
        for row in threshold_table(scored, costs, scores)
    ]
    columns = [
        "Score from",
        "#Probability",
        "#Precision",
        "#Recall",
        "#Alerts a day",
        "#Cards a day",
    ]
    columns += ["#Cost a day, reviewed", "#Cost a day, blocked"]
    return _section(
        "Costs and bounds",
        element("p", _cost_sentence(report)),
        element("p", _bounds_sentence(report, scored, curve.approve)),
        _figure(
            plots.plot_costs(curve, bounds),
            "Cost: each line is the net cost per day when every payment from a score on is reviewed, "
            "or is blocked; lower is better, and the upright lines are the proposed bounds.",
        ),
        table("What happens when every payment from a score on is acted on", columns, rows),
    )


def build_comparison(comparison: Comparison) -> Markup:
    """Show the candidates, those that were not tried with the reason."""
    columns = ["Candidate", *FIGURE_COLUMNS, "#Fit, s", "#One row, µs", "#One row by ONNX, µs"]
    note = (
        f"Each trained on the {comparison.train_payments:,} payments of the one week from "
        f"{comparison.fold.start} and tested on {comparison.test_payments:,} of the week from "
        f"{comparison.fold.test_start}, with the same {comparison.features} features, at fixed "
        "modest sizes and without tuning: figures differ from those above, which may train on more. "
        "One row: the time to score it by the library's own call, or by ONNX Runtime as it is "
        "served, on one thread of this machine."
    )
    ran = any(one.figures is not None for one in comparison.candidates)
    return _section(
        "Candidates compared",
        element("p", note, class_="note"),
        _figure(
            plots.plot_candidates(comparison),
            "Candidates: a longer bar is better; within a panel the bars share their scale.",
        )
        if ran
        else "",
        table(
            "Trainers on one fold",
            columns,
            [candidate_cells(one) for one in comparison.candidates],
        ),
    )


def build_features(rows: Sequence[FeatureRow], meaning: str) -> Markup:
    """List the features with their importance."""
    largest = max((row.importance for row in rows), default=0.0) or 1.0
    cells = [feature_cells(row, largest) for row in rows]
    made = table("Features", ["Feature", "What it measures", "#Importance"], cells)
    return _section("Features", element("p", meaning, class_="note"), made)


def _section(heading: str, *content: Content) -> Markup:
    return element("section", element("h2", heading), *content)


def _figure(picture: Markup, reading: str) -> Markup:
    return element("figure", picture, element("figcaption", reading))


def _alarm(summary: Summary) -> Content:
    if summary.leak_alarm is None:
        return ""
    warning = element("strong", "Suspected leak. ")
    return element("p", warning, summary.leak_alarm, class_="alarm", role="alert")


def _tiles(results: tuple[FoldResult, ...], summary: Summary) -> Markup:
    count = len(results)
    spread = f" ± {{:.3f}} over {count} test weeks ({STD_KIND} deviation)" if count > 1 else ""
    means, deviations = values_of(summary.mean), values_of(summary.std)
    tiles = [
        element(
            "li",
            element("span", name, class_="name"),
            element("span", f"{mean:.3f}", class_="value"),
            element("span", spread.format(deviation) or "one test week", class_="rest"),
        )
        for name, mean, deviation in zip(FIGURE_NAMES, means, deviations, strict=True)
    ]
    return element("ul", *tiles, class_="tiles")


def _calibration_sentence(scored: ScoredPayments) -> str:
    error = measure_calibration(scored.payments.frauds, scored.probabilities)
    overall = f"Over all weeks the expected calibration error is {error.overall:.4f}"
    if error.suspect is None:
        return f"{overall}; no payment has a probability of {SUSPECT_FROM:g} or more."
    return f"{overall}, and {error.suspect:.4f} where the probability is {SUSPECT_FROM:g} or more."


def _reliability(scored: ScoredPayments) -> Markup:
    suspect = scored.probabilities >= SUSPECT_FROM
    frauds = scored.payments.frauds[suspect]
    return plots.plot_reliability(reliability_curve(frauds, scored.probabilities[suspect]))


def _cost_sentence(report: ReportInput) -> str:
    return (
        f"A missed fraud costs its amount, a review {report.costs.review_cost:g} and a blocked "
        f"genuine payment {report.costs.block_cost:g}, all in units of the amounts. A reviewed "
        "payment is taken to be held and judged rightly. The score is that of the model alone, "
        "100 p, as NoisyOr makes it at weight 1."
    )


def _bounds_sentence(report: ReportInput, scored: ScoredPayments, approve: float) -> Markup:
    bounds = report.bounds
    here = judge_bounds(scored, report.costs, bounds.review, bounds.block)
    values = element("code", f"outcomes: {{review: {bounds.review:g}, block: {bounds.block:g}}}")
    chosen = f", the bounds that cost least on {report.bounds_chosen_on}: "
    cost = f"{bounds.cost_per_day:,.0f} a day there. On the test weeks they cost "
    found = (
        f"{here.cost_per_day:,.0f} a day, with {here.reviews_per_day:,.1f} reviews and "
        f"{here.blocks_per_day:,.1f} blocks; approving everything costs {approve:,.0f}."
    )
    return join(["Proposed: ", values, chosen, cost, found])
