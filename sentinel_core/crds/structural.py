"""From pydantic's JSON schema to the structural schema that a CustomResourceDefinition may have.

A structural schema (Kubernetes, "Specifying a structural schema") gives every value one type in one
place. References are therefore written out, unions with null become optional fields, pairs become
lists, and whatever has no place in it - titles, examples, patterns of keys - becomes text or CEL.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sentinel_core.resources.cross_field import CEL_RULES, RULE_KEYS

Schema = dict[str, Any]

_KEPT = (
    "type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "minItems", "maxItems", "minProperties", "maxProperties",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
)  # fmt: skip
"""What means the same in both, in the order in which it is written."""


def structural_schema(declaration: type[BaseModel]) -> Schema:
    """Return the structural schema of a class, its defaults, bounds and rules included."""
    schema = declaration.model_json_schema(by_alias=True)
    return _Writer(schema.get("$defs", {})).write(schema)


class _Writer:
    """Writes out one schema whose references point into ``definitions``."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def write(self, given: Schema) -> Schema:
        """Return the structural form of a schema."""
        node = self._without_reference(given)
        if "const" in node:
            node = node | {"enum": [node["const"]]}
        written: Schema = {"description": _described(node)} if node.get("description") else {}
        written |= {name: node[name] for name in _KEPT if node.get(name) is not None}
        rules = [
            {key: one[key] for key in RULE_KEYS if key in one} for one in node.get(CEL_RULES, ())
        ]
        if "anyOf" in node:
            written |= _int_or_string(node["anyOf"])
        if "exclusiveMinimum" in node:
            written |= {"minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}
        if node.get("type") == "array":
            written["items"] = self._items(node)
        if "properties" in node:
            written |= self._properties(node)
        elif node.get("type") == "object":
            written |= self._map(node)
            rules += _key_rules(node)
        default = _without_empty(node.get("default"))
        if default is not None:
            written["default"] = default
        return written | ({CEL_RULES: rules} if rules else {})

    def _without_reference(self, node: Schema) -> Schema:
        """Return a schema with what it refers to, and without the alternative null."""
        while "$ref" in node or _is_optional(node):
            if "$ref" in node:
                named = self._definitions[node["$ref"].rsplit("/", 1)[1]]
                node = named | {name: node[name] for name in node if name != "$ref"}
            else:
                others = [one for one in node["anyOf"] if one != {"type": "null"}]
                outer = {name: node[name] for name in node if name != "anyOf"}
                node = (others[0] if len(others) == 1 else {"anyOf": others}) | outer
        return node

    def _items(self, node: Schema) -> Schema:
        pair = node.get("prefixItems")
        if pair is None:
            return self.write(node["items"])
        # One schema for all places; what is true of one place only is a rule of the class.
        return widened([self.write(one) for one in pair])

    def _properties(self, node: Schema) -> Schema:
        properties = {name: self.write(one) for name, one in node["properties"].items()}
        return {"properties": properties} | (
            {"required": node["required"]} if node.get("required") else {}
        )

    def _map(self, node: Schema) -> Schema:
        values = node.get("additionalProperties")
        if node.get("patternProperties"):
            (values,) = node["patternProperties"].values()
        if isinstance(values, dict):
            return {"additionalProperties": self.write(values)}
        return {"x-kubernetes-preserve-unknown-fields": True} if values else {}


def widened(schemas: list[Schema]) -> Schema:
    """Return the schema of all values that one of some schemas of numbers allows."""
    bounds: Schema = {"type": schemas[0]["type"]}
    if all("minimum" in one for one in schemas):
        bounds["minimum"] = min(one["minimum"] for one in schemas)
    if all("maximum" in one for one in schemas):
        bounds["maximum"] = max(one["maximum"] for one in schemas)
    return bounds


def _is_optional(node: Schema) -> bool:
    return {"type": "null"} in node.get("anyOf", ())


def _described(node: Schema) -> str:
    # Of a docstring the first paragraph: what follows speaks to whoever reads the code.
    text = " ".join(inspect.cleandoc(node["description"]).split("\n\n")[0].split())
    said = text.replace("``", "")
    return f"{said} Such as {node['examples'][0]}." if node.get("examples") else said


def _int_or_string(alternatives: list[Schema]) -> Schema:
    """Return the one union that a structural schema knows: an amount as a number or a text."""
    number, text = sorted(alternatives, key=lambda one: str(one["type"]))
    assert (number["type"], text["type"]) == ("integer", "string"), alternatives
    bounds = number | text
    del bounds["type"]
    return {"x-kubernetes-int-or-string": True} | bounds


def _key_rules(node: Schema) -> list[Schema]:
    """Return the rules for the keys of a map, which a structural schema says nothing about."""
    names = node.get("propertyNames", {})
    rules = []
    patterns = [*node.get("patternProperties", ()), *filter(None, [names.get("pattern")])]
    message = names.get("description", "").rstrip(".")
    if patterns:
        rules.append({"rule": f"self.all(key, key.matches(r'{patterns[0]}'))", "message": message})
    if "maxLength" in names:
        most = names["maxLength"]
        too_long = f"a key has at most {most} characters"
        rules.append({"rule": f"self.all(key, size(key) <= {most})", "message": too_long})
    return rules


def _without_empty(default: Any) -> Any:
    """Return a default without what means the same as its absence, or None where nothing is left.

    Defaults inside it stay: an API server holds a default to the rules before it fills it in.
    """
    if isinstance(default, dict):
        kept = {name: _without_empty(value) for name, value in default.items()}
        default = {name: value for name, value in kept.items() if value is not None}
    return None if default in ({}, [], "") else default
