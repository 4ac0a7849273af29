"""The blocks of a pipeline whose schema belongs to rooms above the resources.

`spec.signals` and `spec.fusion` are plain mappings in the resource, so that resources stand on nothing;
the compiler reads them with the profiles of their own rooms. Here the same profiles become schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from sentinel_core.crds.structural import Schema, structural_schema, widened
from sentinel_core.events.envelope import EventType
from sentinel_core.events.schema import schema_of
from sentinel_core.features.parse import MAX_FEATURES
from sentinel_core.fusion.profile import METHODS
from sentinel_core.resources.cross_field import CEL_RULES, CrossField
from sentinel_core.signals.profile import SignalsProfile

PIPELINE_RULES = (
    CrossField(
        field="fusion.weights",
        message="there is a weight for a signal that the pipeline does not have; remove it, or add "
        "the signal",
        cel="!has(self.fusion.weights) || self.fusion.weights.all(name, "
        "(name == 'velocity' && has(self.signals) && has(self.signals.velocity)) || "
        "(name == 'behaviour' && has(self.signals) && has(self.signals.behaviour)) || "
        "(name == 'rules' && has(self.rules)) || "
        "(name == 'lists' && has(self.lists) && size(self.lists) > 0) || "
        "(has(self.models) && self.models.exists(model, model.name == name)))",
    ),
    CrossField(
        field="signals.velocity",
        message="StreamSeed makes its own velocity signal; remove it, or take another method",
        cel="self.fusion.method != 'StreamSeed' || !has(self.signals) || "
        "!has(self.signals.velocity)",
    ),
    *(
        CrossField(
            field="rollout.splitBy",
            message=f"{event} events are split by {' or '.join(schema_of(event).split_kinds)}",
            cel=f"self.event != '{event}' || !has(self.rollout.splitBy) || "
            f"self.rollout.splitBy in {list(schema_of(event).split_kinds)}",
        )
        for event in get_args(EventType)
    ),
)
"""Rules between blocks that the release compiler has too (`sentinel_core.release.check`)."""


def signals_schema(description: str) -> Schema:
    """Return the schema of ``spec.signals``."""
    return structural_schema(SignalsProfile) | {"description": description}


def inline_features_schema(description: str) -> Schema:
    """Return the schema of ``spec.features.inline``.

    What a feature may say depends on its form and on the event, which only the parser knows; the
    operator answers with a condition.
    """
    feature = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    features = {
        "description": "The features, in the form of the feature specs in files.",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_FEATURES,
        "items": feature,
    }
    return {
        "description": description,
        "type": "object",
        "properties": {"features": features},
        "required": ["features"],
    }


def fusion_schema(description: str) -> Schema:
    """Return the schema of ``spec.fusion``: the fields of every method, and rules for each of them.

    A structural schema has no alternatives. So each field is there once, as wide as the widest
    method has it and without a default where methods differ, and rules say what belongs to which.
    """
    methods = {name: structural_schema(method) for name, method in METHODS.items()}
    names = dict.fromkeys(name for one in methods.values() for name in one["properties"])
    properties = {"method": _method_schema()}
    properties |= {name: _merged(name, methods) for name in names if name != "method"}
    rules = [rule.as_cel() for rule in _field_rules(methods)]
    rules += _guarded_rules(methods)
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        CEL_RULES: rules,
    }


def _method_schema() -> Schema:
    return {
        "description": f"How opinions become one score: {', '.join(METHODS)}.",
        "type": "string",
        "default": "NoisyOr",
        "enum": list(METHODS),
    }


def _merged(name: str, methods: dict[str, Schema]) -> Schema:
    """Return one schema for a field that several methods have."""
    having = {m: one["properties"][name] for m, one in methods.items() if name in one["properties"]}
    first: Schema
    first, *others = having.values()
    if len(having) == len(methods) and all(one == first for one in others):
        return first
    merged = {key: value for key, value in first.items() if key != "default"}
    said = dict.fromkeys(one["description"] for one in having.values())
    merged["description"] = " ".join(said)
    if "additionalProperties" in first:
        values = widened([one["additionalProperties"] for one in having.values()])
        merged["additionalProperties"] = values
    return merged


def _field_rules(methods: dict[str, Schema]) -> Iterator[CrossField]:
    """Yield the rules that say which fields a method has, and which it must have."""
    names = dict.fromkeys(name for one in methods.values() for name in one["properties"])
    for name in names:
        having = [m for m, one in methods.items() if name in one["properties"]]
        if len(having) < len(methods):
            listed = ", ".join(having)
            yield CrossField(
                field=name,
                message=f"{name} goes with {listed} only; remove it, or take another method",
                cel=f"!has(self.{name}) || self.method in {having}",
            )
        needing = [m for m, one in methods.items() if name in one.get("required", ())]
        if needing and name != "method":  # which has a default
            yield CrossField(
                field=name,
                message=f"{name} is missing: {', '.join(needing)} does not work without it",
                cel=f"has(self.{name}) || !(self.method in {needing})",
            )


def _guarded_rules(methods: dict[str, Schema]) -> Iterator[Schema]:
    """Yield the rules of the methods, each asked only where its method is chosen."""
    rules = [rule for one in methods.values() for rule in one.get(CEL_RULES, ())]
    for rule in {rule["rule"]: rule for rule in rules}.values():
        having = [m for m, one in methods.items() if rule in one.get(CEL_RULES, ())]
        yield rule | {"rule": f"!(self.method in {having}) || ({rule['rule']})"}
