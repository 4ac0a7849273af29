"""Both definitions keep the form that an API server asks for, and bounds for everything."""

from pathlib import Path

import pytest

from sentinel_core.crds import pages
from sentinel_core.crds.__main__ import main
from sentinel_core.crds.definitions import KINDS, resource_schema

ROOT = Path(__file__).parents[4]
SCALARS = ("string", "integer", "number", "boolean")
FORBIDDEN = {
    "$ref", "$defs", "title", "examples", "const", "anyOf", "allOf", "oneOf", "not", "prefixItems",
    "patternProperties", "propertyNames", "additionalItems", "discriminator",
}  # fmt: skip
OF_KUBERNETES = (".apiVersion", ".kind")


def nodes_of(schema, path=""):
    """Yield every schema below one, with the path of what it describes."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes_of(inner, f"{path}.{name}")
    if "items" in schema:
        yield from nodes_of(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes_of(schema["additionalProperties"], f"{path}{{}}")


NODES = [
    (f"{kind.name}{path}", path, node)
    for kind in KINDS
    for path, node in nodes_of(resource_schema(kind))
]


def is_bounded(path, node):
    if path in OF_KUBERNETES:
        return True
    if node.get("type") == "string":
        # The pattern of a level's name has its own end; times have a form.
        return "maxLength" in node or "enum" in node or node.get("format") == "date-time"
    if node.get("type") == "array":
        return "maxItems" in node
    if "additionalProperties" in node:
        return "maxProperties" in node
    return True


def test_no_node_has_what_a_structural_schema_forbids():
    assert [
        (name, FORBIDDEN & node.keys()) for name, _, node in NODES if FORBIDDEN & node.keys()
    ] == []


def test_every_node_has_one_type():
    def has_type(node):
        return ("type" in node) != bool(node.get("x-kubernetes-int-or-string"))

    assert [name for name, _, node in NODES if not has_type(node)] == []


def test_every_list_map_and_string_has_a_bound():
    assert [name for name, path, node in NODES if not is_bounded(path, node)] == []


def test_every_whole_number_of_a_spec_has_both_bounds():
    numbers = [
        (name, node) for name, path, node in NODES
        if path.startswith(".spec") and node.get("type") in ("integer", "number")
    ]  # fmt: skip
    open_ended = [name for name, node in numbers if not {"minimum", "maximum"} <= node.keys()]
    assert (len(numbers) > 20, open_ended) == (True, [])


def test_every_field_is_described():
    # Kubernetes describes metadata itself, and lets nobody else.
    silent = [
        name for name, path, node in NODES
        if path and not path.endswith(("[]", "{}", ".metadata")) and not node.get("description")
    ]  # fmt: skip
    assert silent == []


def test_what_is_told_apart_by_names_asks_for_the_name():
    lists = [(name, node) for name, _, node in NODES if node.get("x-kubernetes-list-type") == "map"]
    asked = [
        name for name, node in lists
        if not set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"])
    ]  # fmt: skip
    assert (len(lists) >= 6, asked) == (True, [])


def test_every_rule_says_what_to_do_in_a_line():
    rules = [rule for _, _, node in NODES for rule in node.get("x-kubernetes-validations", ())]
    assert len(rules) > 40
    # An API server takes messages without line ends, up to 2048 characters.
    assert [r for r in rules if not r["message"] or "\n" in r["message"]] == []


def test_the_definitions_in_the_repository_are_fresh():
    folders = [str(ROOT / "manifests" / "crds"), str(ROOT / "helm" / "sentinel" / "files" / "crds")]
    assert main(["--check", *folders]) == 0


def test_a_stale_definition_is_told(tmp_path, capsys):
    assert main([str(tmp_path)]) == 0
    changed = tmp_path / "sentinelmodels.yaml"
    changed.write_text(changed.read_text().replace("smodel", "sm"))
    assert main(["--check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{changed} is stale. Write it anew: ./task gen:crds\n"


def test_the_pages_in_the_repository_are_fresh():
    assert pages.main(["--check", str(ROOT / "docs")]) == 0


def test_missing_pages_are_told(tmp_path, capsys):
    assert pages.main(["--check", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("is stale. Write it anew: ./task gen:crds") == 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_of_fields_has_a_row_for_each(kind):
    page = pages.render_fields()
    section = page.split(f"## {kind.name}\n")[1].split("\n## ")[0]
    fields = [
        path[1:] for path, _ in nodes_of(resource_schema(kind))
        if path.startswith((".spec.", ".status.")) and not path.endswith(("[]", "{}"))
    ]  # fmt: skip
    assert [path for path in fields if f"| `{path}` |" not in section] == []
