"""The subset of YAML that is read, and the place of everything in it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.located import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    Position,
    load_yaml,
    load_yaml_all,
    locate,
    parse_model,
)


def faults(text, load=load_yaml):
    with pytest.raises(InvalidDocumentError) as caught:
        load(text, "f.yaml")
    return [(p.location, p.message) for p in caught.value.problems]


def test_every_value_and_key_knows_its_place():
    document = load_yaml("a: 1\nb:\n  - x\n  - {c: true}\n", "f.yaml")
    listed = document.value["b"]
    assert [str(document.keys[k]) for k in "ab"] == ["f.yaml:1:1", "f.yaml:2:1"]
    assert [str(n.position) for n in listed.value] == ["f.yaml:3:5", "f.yaml:4:5"]
    assert str(listed.value[1].keys["c"]) == "f.yaml:4:6"
    assert str(listed.value[1].value["c"].position) == "f.yaml:4:9"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("NO", "NO"),
        ("True", "True"),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e5", 1e5),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2018-08-29", "2018-08-29"),
        ("2018-08-29T12:00:00Z", "2018-08-29T12:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ('""', ""),
        ("12345678901234567890", 12345678901234567890.0),
    ],
)
def test_a_scalar_is_what_it_looks_like_and_little_else(text, expected):
    value = load_yaml(f"a: {text}", "f.yaml").plain()["a"]
    assert (type(expected), expected) == (type(value), value)


def test_a_value_left_out_is_null():
    assert load_yaml("a:", "f.yaml").plain() == {"a": None}


def test_plain_gives_what_json_would():
    text = "a: [1, {b: c}, null]\nd: {}\n"
    assert load_yaml(text, "f.yaml").plain() == {"a": [1, {"b": "c"}, None], "d": {}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ("f.yaml:3:1", "the key a is given twice")),
        ("a: &x 1\nb: *x\n", ("f.yaml:1:4", "anchors and aliases are not read")),
        ("a: *x\n", ("f.yaml:1:4", "anchors and aliases are not read")),
        ("a: !env HOME\n", ("f.yaml:1:4", "the tag !env is not read")),
        ("a: !!str 5\n", ("f.yaml:1:4", "the tag tag:yaml.org,2002:str is not read")),
        ("a: !!python/object:os.system x\n", None),
        ("? [a, b]\n: 1\n", ("f.yaml:1:3", "a key must be a plain word")),
        ("a: [1\n", ("f.yaml:2:1", "expected ',' or ']', but got '<stream end>'")),
        ("a: 1\n\tb: 2\n", ("f.yaml:2:1", "found character '\\t' that cannot start any token")),
        ("a: 1e999\n", ("f.yaml:1:4", "1e999 is too large")),
        ('a: "\\ud800"\n', ("f.yaml:1:4", "half of a character is not text")),
        ("", ("f.yaml:1:1", "found 0 documents")),
        ("# nothing\n", ("f.yaml:1:1", "found 0 documents")),
        ("a: 1\n---\nb: 2\n", ("f.yaml:3:1", "found 2 documents")),
    ],
)
def test_what_is_not_in_the_subset_is_refused_at_its_place(text, expected):
    found = faults(text)
    assert len(found) == 1
    assert expected in (None, found[0])


def test_a_character_that_yaml_does_not_allow_is_refused():
    place, message = faults("a: \x00")[0]
    assert (place, "#x0000" in message) == ("f.yaml:1:1", True)


def test_all_keys_given_twice_are_named():
    assert [place for place, _ in faults("a: 1\na: 2\nb: {c: 1, c: 2}\n")] == [
        "f.yaml:2:1",
        "f.yaml:3:11",
    ]


def test_aliases_that_would_expand_to_gigabytes_are_refused_before_they_do():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert faults("\n".join(lines)) == [("f.yaml:1:5", "anchors and aliases are not read")]


def test_nesting_has_a_bound():
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert load_yaml(deep, "f.yaml").value
    found = faults(f"[{deep}]")
    assert found == [(f"f.yaml:1:{MAX_DEPTH + 1}", f"nested deeper than {MAX_DEPTH}")]


def test_very_deep_nesting_is_refused_too():
    assert faults("[" * 100_000) == [
        (f"f.yaml:1:{MAX_DEPTH + 1}", f"nested deeper than {MAX_DEPTH}")
    ]


def test_size_has_a_bound_in_bytes():
    padding = MAX_DOCUMENT_BYTES - len("a: 1\n#")
    assert load_yaml("a: 1\n#" + "x" * padding, "f.yaml").plain() == {"a": 1}
    place, message = faults("a: 1\n#" + "x" * (padding - 1) + "é")[0]
    assert (place, message) == ("f.yaml:1:1", "the text has 262145 bytes, more than 262144")


def test_several_documents_are_read_and_empty_ones_left_out():
    documents = load_yaml_all("a: 1\n---\n---\nb: 2\n", "f.yaml")
    assert [d.plain() for d in documents] == [{"a": 1}, {"b": 2}]
    assert [d.position.line for d in documents] == [1, 4]


def test_the_deepest_part_of_a_path_that_exists_is_found():
    document = load_yaml("a:\n  - b: 1\n", "f.yaml")
    assert document.at(("a", 0, "b")) == Position("f.yaml", 2, 5)
    assert document.at(("a", 0, "missing")) == Position("f.yaml", 2, 5)
    assert document.at(("a", 9)) == Position("f.yaml", 1, 1)
    assert document.at(()) == Position("f.yaml", 1, 1)


def test_plain_json_is_located_at_one_place():
    value = {"a": [1, {"b": None}]}
    located = locate(value, "release")
    assert located.plain() == value
    assert str(located.at(("a", 1, "b"))) == "release:1:1"


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    points: list[int]


def test_a_model_is_made_of_a_document():
    document = load_yaml("name: a\npoints: [1, 2]\n", "f.yaml")
    assert parse_model(document, _Rule) == _Rule(name="a", points=[1, 2])


def test_each_fault_of_a_model_stands_at_its_place():
    document = load_yaml("name: 1\npoints:\n  - 1\n  - x\nother: 2\n", "f.yaml")
    with pytest.raises(InvalidDocumentError) as caught:
        parse_model(document, _Rule)
    assert [(p.location, p.message) for p in caught.value.problems] == [
        ("f.yaml:1:1", "name: Input should be a valid string"),
        ("f.yaml:4:5", "points.1: Input should be a valid integer"),
        ("f.yaml:5:1", "other: Extra inputs are not permitted"),
    ]
    assert caught.value.message == "Found 3 problems."
