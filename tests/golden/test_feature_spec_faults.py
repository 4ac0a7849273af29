"""What the author of a faulty feature spec reads; refresh with --update-golden and review the diff."""

from pathlib import Path

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec
from sentinel_core.located import load_yaml

FOLDER = Path(__file__).parent / "features"
SPECS = sorted(FOLDER.glob("*.yaml"))


def refusal_of(path):
    with pytest.raises(InvalidDocumentError) as caught:
        parse_spec(load_yaml(path.read_text(), "spec.yaml"), schema_of("Transaction"))
    return caught.value


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_spec_is_refused_with_every_fault_at_its_place(path, golden):
    golden(path.with_suffix(".txt"), f"{refusal_of(path)}\n")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_fault_has_a_line_a_column_and_a_hint(path):
    for problem in refusal_of(path).problems:
        name, line, column = problem.location.split(":")
        assert name == "spec.yaml"
        assert int(line) >= 1
        assert int(column) >= 1
        assert problem.hint


def test_each_golden_text_belongs_to_a_spec():
    assert {p.stem for p in FOLDER.glob("*.txt")} == {p.stem for p in SPECS}
