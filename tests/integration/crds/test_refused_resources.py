"""What an API server refuses, by which field, and whether a laptop says the same."""

import re
from pathlib import Path

import pytest
import yaml

from sentinel_core.errors import SentinelError
from tests.support.manifests import MODEL, PIPELINE, compile_files, removed, replaced

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "data" / "refused_resources.yaml").read_text(encoding="utf-8")
)
BASES = {"SentinelModel": MODEL, "SentinelPipeline": PIPELINE}


def document_of(case):
    document = BASES[case["kind"]]
    for path in case.get("remove", ()):
        document = removed(document, path)
    for path, value in case.get("put", {}).items():
        document = replaced(document, path, value)
    return document


def laptop_says(document):
    """Return what a laptop says of a document beside the valid rest, or None where it takes it."""
    documents = BASES | {document["kind"]: document}
    try:
        compile_files({"all.yaml": yaml.safe_dump_all(documents.values())})
    except SentinelError as error:
        return str(error)
    return None


def dotted(field):
    """Return a field as a laptop writes it: places in lists between dots."""
    return re.sub(r"\[(\d+)\]", r".\1", field)


def named(case):
    return case["case"].replace(" ", "-")


def test_there_are_enough_of_them_each_with_its_own_name():
    names = [case["case"] for case in CASES]
    assert (len(names) >= 40, sorted(set(names))) == (True, sorted(names))


@pytest.mark.parametrize("document", BASES.values(), ids=BASES)
def test_what_they_are_made_of_is_taken(resources, document):
    assert resources.try_out(document) is None


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_api_server_refuses_it_and_names_the_field(resources, case):
    refusal = resources.try_out(document_of(case))
    assert refusal is not None
    assert case["says"] in refusal.message
    assert case["field"] in refusal.fields


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_laptop_refuses_it_too(case):
    said = laptop_says(document_of(case))
    assert said is not None
    assert case.get("laptop", dotted(case["field"])) in said
