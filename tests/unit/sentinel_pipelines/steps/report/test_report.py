"""What a report holds, and what it must not do."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sentinel_core.errors import ConfigurationError, InvalidRequestError
from sentinel_core.events import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import locate
from sentinel_pipelines.handbook.protocol import BASELINE_FOLD, Fold
from sentinel_pipelines.steps.candidates import Candidate
from sentinel_pipelines.steps.report import FeatureRow, build_feature_rows, build_page, write_report
from sentinel_pipelines.steps.report.sections import (
    build_comparison,
    build_costs,
    build_standing,
)
from sentinel_pipelines.steps.thresholds import ProposedBounds
from tests.support.evaluations import make_report, make_result

VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Elements, ids and texts of a page; fails where an element is not closed in its place."""

    def __init__(self, page):
        super().__init__()
        self.open, self.names, self.ids, self.references = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        for value in given.values():
            self.references += re.findall(r"url\(([^)]*)\)", value or "")
        self.references += [given[key] for key in ("src", "href", "xlink:href") if key in given]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report():
    return make_report()


@pytest.fixture(scope="module")
def page(report):
    return build_page(report)


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def test_the_page_holds_every_picture(outline):
    assert outline.names.count("svg") == 6


def test_each_picture_says_what_it_shows_and_how_to_read_it(page):
    figures = re.findall(r"<figure>(.*?)</figure>", page, re.DOTALL)
    assert len(figures) == 6
    for figure in figures:
        assert re.search(r'role="img"><title>[A-Z][^<]+\.</title>', figure)
        assert re.search(r"<figcaption>[A-Z][^<]+\.</figcaption>", figure)


def test_the_page_runs_no_script(outline):
    assert "script" not in outline.names


def test_the_page_refers_to_nothing_outside_itself(outline):
    assert outline.references
    assert {reference[0] for reference in outline.references} == {"#"}


def test_each_reference_within_the_page_has_its_target(outline):
    assert {reference[1:] for reference in outline.references} <= set(outline.ids)


def test_ids_differ_between_pictures(outline):
    assert len(set(outline.ids)) == len(outline.ids)


def test_pictures_take_their_colours_from_the_page(page):
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "var(--series-1)" in pictures
    assert set(re.findall(r"#[0-9a-f]{6}\b", pictures)) == set()


def test_every_table_has_a_caption(outline):
    assert outline.names.count("table") == outline.names.count("caption") == 5


def test_input_cannot_become_markup(report):
    text = "<script>alert(1)</script>"
    unsafe = replace(
        report,
        title=text,
        measured=text,
        facts=((text, text),),
        bounds_chosen_on=text,
        importance_meaning=text,
        features=(FeatureRow(text, text, 1.0),),
        comparison=replace(report.comparison, candidates=(Candidate(text, text),)),
    )
    page = build_page(unsafe)
    assert "script" not in Outline(page).names
    # The title stands in the head too.
    assert page.count("&lt;script&gt;") == 11


def test_the_published_figures_stand_beside_the_four_test_folds(page):
    assert "Balanced bagging" in page
    assert "Knowable ceiling" in page


def test_the_baseline_week_stands_beside_the_baseline_table(report):
    part = build_standing(replace(report, results=(make_result(BASELINE_FOLD),)))
    assert "Decision tree of depth 2" in part
    assert "Knowable ceiling" not in part


def test_other_weeks_stand_beside_nothing(report):
    other = (make_result(Fold(BASELINE_FOLD.start.replace(month=6))),)
    part = build_standing(replace(report, results=other))
    assert "no other figure is comparable" in part
    assert "Balanced bagging" not in part


def test_a_suspected_leak_is_the_first_thing_said(report, page):
    # The drawn payments are easier than any that are real.
    assert '<p class="alarm" role="alert"><strong>Suspected leak. </strong>' in page


def test_a_candidate_that_was_not_run_says_why(page):
    reason = "Not run: the system library libgomp.so.1 is missing; install libgomp1."
    assert f'<th scope="row">LightGBM</th><td colspan="6">{reason}</td>' in page


def test_without_candidates_and_features_their_parts_are_left_out(report):
    page = build_page(replace(report, comparison=None, features=()))
    assert "Candidates compared" not in page
    assert "What it measures" not in page


def test_a_comparison_of_which_nothing_ran_has_no_bars(report):
    missing = tuple(one for one in report.comparison.candidates if one.reason)
    part = build_comparison(replace(report.comparison, candidates=missing))
    assert "svg" not in Outline(part).names


def test_the_proposed_bounds_can_be_copied_into_a_pipeline(report, page):
    bounds = report.bounds
    expected = f"<code>outcomes: {{review: {bounds.review:g}, block: {bounds.block:g}}}</code>"
    assert expected in page


def test_equal_bounds_are_named_once(report):
    part = build_costs(replace(report, bounds=ProposedBounds(40.0, 40.0, 1.0, 0.0, 3.0)))
    assert part.count("block 40, no reviews") == 1


def test_a_report_of_nothing_is_refused(report):
    with pytest.raises(InvalidRequestError, match="results: are empty"):
        replace(report, results=())


def test_the_file_holds_the_page(report, page, tmp_path):
    write_report(tmp_path / "new" / "report.html", report)
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == page


def test_a_file_that_cannot_be_written_is_an_error_with_an_action(report, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Name a file in a folder"):
        write_report(tmp_path / "file" / "report.html", report)


def test_features_are_described_from_the_spec_most_important_first():
    features = [
        {"name": "amount", "value": "payload.amount"},
        {"name": "card_mean_7d", "entity": "card", "mean": "payload.amount", "window": "7d"},
    ]
    spec = parse_spec(locate({"features": features}, "spec"), schema_of("Transaction"))
    rows = build_feature_rows(spec, {"amount": 0.1, "card_mean_7d": 0.5})
    assert [row.name for row in rows] == ["card_mean_7d", "amount"]
    assert rows[0].description == "the mean amount of this card over 7 days"


def test_importing_the_steps_does_not_import_matplotlib():
    program = (
        "import sys, sentinel_pipelines.steps.report, sentinel_pipelines.steps.candidates;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
