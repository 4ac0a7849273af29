"""The report as one file that needs no other."""

from __future__ import annotations

from pathlib import Path

from sentinel_core.errors import ConfigurationError
from sentinel_pipelines.steps.report import sections
from sentinel_pipelines.steps.report.content import ReportInput
from sentinel_pipelines.steps.report.elements import Content, Markup, element, join

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page runs no script and loads nothing; the browser holds it to that."""


def build_page(report: ReportInput) -> str:
    """Write the report as HTML. Equal inputs give equal text, with the same matplotlib."""
    parts: list[Content] = [
        sections.build_head(report),
        sections.build_standing(report),
        sections.build_folds(report),
        sections.build_ranking(report),
        sections.build_probabilities(report),
        sections.build_costs(report),
    ]
    if report.comparison is not None:
        parts.append(sections.build_comparison(report.comparison))
    if report.features:
        parts.append(sections.build_features(report.features, report.importance_meaning))
    page = element("html", _head(report.title), element("body", element("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def write_report(path: Path, report: ReportInput) -> None:
    """Write the report to a file, making its folder; a file that is there is replaced.

    Raises
    ------
    ConfigurationError
        The file cannot be written. Retryable: no.
    """
    page = build_page(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"The report cannot be written to {path}: {error.strerror or error}."
        action = "Name a file in a folder that can be written."
        raise ConfigurationError(message, user_action=action) from error


def _head(title: str) -> Markup:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        # Our own file and nobody's input: within style elements nothing is escaped.
        join([element("style", Markup(style))]),
    )
