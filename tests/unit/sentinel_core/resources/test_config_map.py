"""Positions inside the texts of ConfigMaps."""

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.resources import parse_manifest
from sentinel_core.resources.manifest import load_input

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n"


def load(source, key="t.yaml"):
    return load_input(parse_manifest(source, "c.yaml").config_maps[0], key)


def place_of(source, text):
    """Return line and column at which a text stands in a source, counted from 1."""
    before = source[: source.index(text)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


LITERAL = HEAD + "  t.yaml: |\n    first: 1\n    second:\n      - third\n"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(LITERAL, id="literal"),
        pytest.param(LITERAL.replace(": |", ":   |-  # a note"), id="chomped-with-a-note"),
        pytest.param(LITERAL.replace(": |", ": |+"), id="kept"),
        pytest.param(LITERAL.replace("    first", "\n\n    # a note\n    first"), id="blank-lines"),
        pytest.param(
            HEAD + "  t.yaml: |\n            first: 1\n            second:\n            - third\n",
            id="deep",
        ),
        pytest.param(
            HEAD + "  t.yaml: |2\n      first: 1\n      second:\n      - third\n", id="indent-given"
        ),
        pytest.param("# before\n---\n" + LITERAL, id="after-a-document-mark"),
        pytest.param(LITERAL.replace("\n", "\r\n"), id="windows-line-ends"),
        pytest.param(LITERAL.replace("t.yaml", "'t.yaml'"), id="quoted-key"),
    ],
)
def test_a_value_in_a_literal_text_stands_where_it_stands_in_the_file(source):
    at = load(source).at(("second", 0))
    assert place_of(source, "third") == (at.line, at.column)


def test_a_key_in_a_literal_text_stands_where_it_stands_in_the_file():
    at = load(LITERAL).keys["second"]
    assert (*place_of(LITERAL, "second"), "c.yaml") == (at.line, at.column, at.path)


def test_a_fault_of_the_yaml_itself_stands_where_it_stands_in_the_file():
    source = HEAD + "  t.yaml: |\n    first: 1\n    first: 2\n"
    with pytest.raises(InvalidDocumentError) as caught:
        load(source)
    assert caught.value.problems[0].location == "c.yaml:7:5"


def test_a_syntax_error_stands_where_it_stands_in_the_file():
    source = HEAD + "  t.yaml: |\n    first: [1\n    second: 2\n"
    with pytest.raises(InvalidDocumentError) as caught:
        load(source)
    assert caught.value.problems[0].location.startswith("c.yaml:7:")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"first: 1\\nsecond:\\n- third\\n"', id="quoted"),
        pytest.param(">\n    first: 1\n\n    second:\n\n    - third\n", id="folded"),
    ],
)
def test_other_styles_name_the_text_and_count_inside_it(text):
    at = load(HEAD + f"  t.yaml: {text}\n").at(("second", 0))
    assert str(at) == "c.yaml:5(text):3:3"


def test_the_first_of_two_texts_does_not_move_the_second():
    source = HEAD + "  a.yaml: |\n    one: 1\n  t.yaml: |\n     second: [third]\n"
    at = load(source).at(("second", 0))
    assert place_of(source, "third") == (at.line, at.column)
