"""What the author of a faulty manifest reads; refresh with --update-golden and review the diff."""

from pathlib import Path

import pytest

from sentinel_core.errors import SentinelError
from tests.support.manifests import compile_files

FOLDER = Path(__file__).parent / "manifests"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_bad_manifest_is_refused_with_every_fault_at_its_place(path, golden):
    with pytest.raises(SentinelError) as caught:
        compile_files({"pipeline.yaml": path.read_text()})
    reason = getattr(caught.value, "reason", caught.value.code)
    golden(path.with_suffix(".txt"), f"{reason}\n{caught.value}\n")


def test_each_golden_text_belongs_to_a_manifest():
    assert {p.stem for p in MANIFESTS} == {p.stem for p in FOLDER.glob("*.txt")}
