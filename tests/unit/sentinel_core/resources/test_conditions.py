"""The one table of reasons, against the code that gives them and the pages about them."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import sentinel_core
from sentinel_core.artifacts.refusal import RefusalReason
from sentinel_core.crds.pages import render_conditions, render_runbook
from sentinel_core.release.faults import Reason
from sentinel_core.resources.conditions import CONDITIONS, REASONS, ConditionType
from sentinel_core.resources.reason import Location

CORE = Path(sentinel_core.__path__[0])


def reasons_of_releases():
    """Yield the reasons that are written where a `ReleaseError` is raised."""
    for path in CORE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        raised = [call.args[0] for call in calls if ast.unparse(call.func) == "ReleaseError"]
        yield from (reason.value for reason in raised if isinstance(reason, ast.Constant))


GIVEN = sorted({*get_args(RefusalReason), *get_args(Reason), *reasons_of_releases()})


def test_reasons_are_found_in_the_code():
    assert {"DigestMismatch", "ModelHasNoServer", "ReleaseTooLarge", "ListMissing"} <= set(GIVEN)


@pytest.mark.parametrize("reason", GIVEN)
def test_a_reason_that_the_code_gives_is_in_the_table(reason):
    assert reason in REASONS


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_one_word_with_sentences_about_it(reason):
    doc = REASONS[reason]
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{0,63}", reason)
    assert (doc.summary[-1], doc.user_action[-1]) == (".", ".")
    assert doc.location in (None, *get_args(Location))


def test_each_type_of_condition_is_described():
    assert set(CONDITIONS) == set(get_args(ConditionType))


def test_the_page_of_conditions_has_a_row_for_each_type_and_reason():
    rows = re.findall(r"^\| \[?`(\w+)`", render_conditions(), re.MULTILINE)
    assert sorted(rows) == sorted([*CONDITIONS, *REASONS])


def test_the_runbook_has_a_heading_for_each_reason():
    headings = re.findall(r"^### (\w+)$", render_runbook(), re.MULTILINE)
    assert sorted(headings) == sorted(REASONS)


def test_the_page_of_conditions_leads_to_headings_of_the_runbook():
    targets = re.findall(r"runbooks/reasons\.md#(\w+)\)", render_conditions())
    assert sorted(targets) == sorted(reason.lower() for reason in REASONS)
