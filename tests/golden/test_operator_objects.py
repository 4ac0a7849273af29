"""The objects that the operator makes; refresh with --update-golden and review the diff."""

from pathlib import Path

import pytest
import yaml

from tests.support.operator_objects import CASES

GOLDEN = Path(__file__).parent / "operator"


@pytest.mark.parametrize("case", CASES)
def test_objects_are_as_reviewed(golden, case):
    text = yaml.safe_dump_all(CASES[case](), sort_keys=False, width=100)
    golden(GOLDEN / f"{case}.yaml", text)
