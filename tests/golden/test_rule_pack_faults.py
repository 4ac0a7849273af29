"""What the author of a faulty rule pack reads; refresh with --update-golden and review the diff."""

from pathlib import Path

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.located import load_yaml
from sentinel_core.rules import parse_pack
from tests.support.packs import PAYMENTS

FOLDER = Path(__file__).parent / "rules"
PACKS = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_a_bad_pack_is_refused_with_every_fault_at_its_place(path, golden):
    with pytest.raises(InvalidDocumentError) as caught:
        parse_pack(load_yaml(path.read_text(), "pack.yaml"), PAYMENTS)
    golden(path.with_suffix(".txt"), f"{caught.value}\n")


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_every_fault_has_a_line_a_column_and_a_hint(path):
    with pytest.raises(InvalidDocumentError) as caught:
        parse_pack(load_yaml(path.read_text(), "pack.yaml"), PAYMENTS)
    for problem in caught.value.problems:
        name, line, column = problem.location.split(":")
        assert name == "pack.yaml"
        assert int(line) >= 1
        assert int(column) >= 1
        assert problem.hint


def test_each_golden_text_belongs_to_a_pack():
    assert {p.stem for p in FOLDER.glob("*.txt")} == {p.stem for p in PACKS}
