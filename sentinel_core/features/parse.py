"""From a spec's text to checked features; every fault comes with its place, all at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

from sentinel_core.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from sentinel_core.errors import Problem
from sentinel_core.events.schema import EventSchema, Field
from sentinel_core.features.spec import (
    AGGREGATES,
    OVER_A_NUMBER,
    ROW_FORMS,
    Feature,
    FeatureSpec,
    definition_digest,
    dependencies,
)
from sentinel_core.located import Located, problem, refusal
from sentinel_core.state.layout import Comparison, FeatureIs, FieldIs, LabelIs, Where

MAX_FEATURES = 256
"""Most features of a spec: at about half a microsecond each they still fit the scoring budget."""
MIN_WINDOW_US = MINUTE_US
MAX_WINDOW_US = 180 * DAY_US
"""Windows from a minute, below which clocks disagree, to half a year, which memory can hold."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_DURATION = re.compile(r"^([1-9][0-9]{0,7})(s|m|h|d)$")
_UNIT_US = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_VECTOR_COLUMN = re.compile(r"^V([1-9][0-9]?)$")
_AGGREGATE_KEYS = {"name", "entity", "window", "delay", "where", "include_self", "empty"}


def parse_spec(document: Located, schema: EventSchema) -> FeatureSpec:
    """Check a feature spec against the fields of its event type.

    Parameters
    ----------
    document : Located
        A mapping with the one key ``features``, a list.
    schema : EventSchema
        Fields and entity kinds that the spec may read.

    Raises
    ------
    InvalidDocumentError
        With every fault at path:line:column. Retryable: no.
    """
    parser = _Parser(schema)
    features = parser.features(document)
    if parser.problems:
        raise refusal(parser.problems)
    return FeatureSpec(schema.type, tuple(features), document.plain())


class _Parser:
    """One run over one document; faults gather in ``problems``."""

    def __init__(self, schema: EventSchema) -> None:
        self.schema = schema
        self.problems: list[Problem] = []
        self.faulty: set[str] = set()

    def fault(self, at: Located, message: str, hint: str) -> None:
        self.problems.append(problem(at.position, message, hint))

    def features(self, document: Located) -> list[Feature]:
        if not isinstance(document.value, dict) or set(document.value) != {"features"}:
            self.fault(document, "a spec is a mapping with the one key features", "write features:")
            return []
        listed = document.value["features"]
        if not isinstance(listed.value, list) or not listed.value:
            self.fault(listed, "features is an empty list or none", "write at least one feature")
            return []
        if len(listed.value) > MAX_FEATURES:
            self.fault(
                listed, f"{len(listed.value)} features, more than {MAX_FEATURES}", "drop some"
            )
            return []
        parsed: dict[str, Feature] = {}
        for item in listed.value:
            feature = self.feature(item, parsed)
            if feature is not None:
                parsed[feature.name] = feature
        return list(parsed.values())

    def feature(self, item: Located, before: dict[str, Feature]) -> Feature | None:
        if not isinstance(item.value, dict) or "name" not in item.value:
            self.fault(
                item, "a feature is a mapping with a name", "write {name: ..., count: {}, ...}"
            )
            return None
        name = item.value["name"].value
        if not isinstance(name, str) or not _NAME.match(name):
            hint = "use a-z, 0-9 and _, at most 63 characters"
            self.fault(
                item.value["name"], f"{item.value['name'].plain()!r} is not a feature name", hint
            )
            return None
        if name in before:
            self.fault(item.value["name"], f"{name} names a feature already", "choose another name")
            return None
        forms = [key for key in item.value if key in (*ROW_FORMS, *AGGREGATES)]
        if len(forms) != 1:
            self.faulty.add(name)
            self.form_fault(item, name, forms)
            return None
        count = len(self.problems)
        read = self.row_form if forms[0] in ROW_FORMS else self.aggregate
        feature = read(item, name, forms[0], before)
        if len(self.problems) == count and not self.faulty & set(dependencies(feature)):
            return feature
        self.faulty.add(name)
        return None

    def form_fault(self, item: Located, name: str, forms: list[str]) -> None:
        hint = f"give exactly one of {', '.join((*ROW_FORMS, *AGGREGATES))}"
        unknown = [key for key in item.value if key not in _AGGREGATE_KEYS]
        if forms or not unknown:
            self.fault(item, f"{name} has {', '.join(forms) or 'no form'}", hint)
            return
        close = difflib.get_close_matches(unknown[0], (*ROW_FORMS, *AGGREGATES), n=1)
        hint = f"did you mean {close[0]}?" if close else hint
        where = item.keys[unknown[0]]
        self.problems.append(problem(where, f"{unknown[0]} is not a form of feature", hint))

    # Row forms

    def row_form(self, item: Located, name: str, form: str, before: dict[str, Feature]) -> Feature:
        self.only(item, {"name", form})
        argument = item.value[form]
        if form == "value":
            field, index = self.number(argument)
            return Feature(name, form, field=field, index=index)
        if form in ("ratio", "difference"):
            return Feature(name, form, operands=self.operands(argument, before))
        if form in ("hour_between", "weekday_between"):
            last = 23 if form == "hour_between" else 6
            return Feature(name, form, between=self.between(argument, last))
        if argument.value not in ({}, None):
            self.fault(argument, f"{form} takes no argument", f"write {form}: {{}}")
        return Feature(name, form)

    def operands(self, at: Located, before: dict[str, Feature]) -> tuple[str, str] | None:
        names = [n.value for n in at.value] if isinstance(at.value, list) else []
        if len(names) != 2:
            self.fault(at, "takes the names of two features", "write [above, below]")
            return None
        for located in at.value:
            self.known_feature(located, before)
        return str(names[0]), str(names[1])

    def between(self, at: Located, last: int) -> tuple[int, int] | None:
        ends = [n.value for n in at.value] if isinstance(at.value, list) else []
        whole = all(type(n) is int and 0 <= n <= last for n in ends)
        if len(ends) != 2 or not whole or ends[0] > ends[1]:
            self.fault(at, f"takes two whole numbers from 0 to {last}, in order", "write [0, 6]")
            return None
        return ends[0], ends[1]

    # Aggregates

    def aggregate(self, item: Located, name: str, form: str, before: dict[str, Feature]) -> Feature:
        self.only(item, _AGGREGATE_KEYS | {form})
        given = item.value
        field = self.aggregated(given[form], form)
        where = self.where(given["where"], before) if "where" in given else None
        feature = Feature(
            name,
            form,
            field=field,
            entity=self.entity(item, given.get("entity")),
            window_us=self.duration(item, given.get("window"), MIN_WINDOW_US),
            delay_us=self.duration(item, given["delay"], 0) if "delay" in given else 0,
            where=where,
            include_self=self.flag(given.get("include_self")),
            empty=self.finite(given["empty"]) if "empty" in given else None,
        )
        self.check_together(item, feature)
        return feature

    def aggregated(self, argument: Located, form: str) -> str | None:
        if form in OVER_A_NUMBER:
            field, index = self.number(argument)
            if index is not None:
                self.fault(argument, "a vector column is not aggregated", "aggregate a named field")
            return field
        if form == "distinct":
            return self.field(argument, "string")
        if form == "rate":
            if argument.value != "label.fraud":
                self.fault(argument, "rate is of label.fraud", "write rate: label.fraud")
            return None
        if argument.value not in ({}, None):
            self.fault(argument, f"{form} takes no argument", f"write {form}: {{}}")
        if form == "geo_speed" and "lat" not in self.schema.fields:
            self.fault(argument, f"{self.schema.type} has no place", "use another form")
        return "lat" if form == "geo_speed" else None

    def check_together(self, item: Located, feature: Feature) -> None:
        if feature.include_self and feature.delay_us:
            self.fault(item, "the event itself is never in a delayed window", "drop include_self")
        if feature.include_self and feature.form in ("since_first", "since_last", "geo_speed"):
            self.fault(item, f"{feature.form} looks at other events only", "drop include_self")
        if feature.include_self and isinstance(feature.where, FeatureIs):
            hint = "drop include_self"
            self.fault(item, "where a feature selects, the event itself is not known yet", hint)
        if isinstance(feature.where, LabelIs) and feature.form == "geo_speed":
            self.fault(item, "geo_speed takes no where on a label", "drop where")
        if feature.form == "rate" and feature.where is not None:
            self.fault(item, "rate takes no where", "drop where")

    def where(self, at: Located, before: dict[str, Feature]) -> Where:
        given = at.value if isinstance(at.value, dict) else {}
        kinds = [k for k in ("label", "field", "feature") if k in given]
        if len(kinds) != 1:
            hint = "write {label: fraud}, {field: amount, gt: 100} or {feature: amount_z, gt: 3}"
            self.fault(at, "where is one label or one comparison", hint)
            return None
        if kinds == ["label"]:
            self.only(at, {"label"})
            label = given["label"].value
            if label not in ("fraud", "legitimate"):
                self.fault(
                    given["label"],
                    f"{given['label'].plain()!r} is not a label",
                    "write fraud or legitimate",
                )
            return LabelIs(label)
        return self.comparison(at, kinds[0], before)

    def comparison(self, at: Located, kind: str, before: dict[str, Feature]) -> Where:
        operators = [k for k in at.value if k != kind]
        if len(operators) != 1 or operators[0] not in get_args(Comparison):
            self.fault(
                at, "one comparison is needed", f"use one of {', '.join(get_args(Comparison))}"
            )
            return None
        operator: Comparison = operators[0]
        operand = at.value[operator]
        if kind == "feature":
            feature = self.known_feature(at.value["feature"], before)
            if operator == "in" or not _is_number(operand.value):
                self.fault(operand, "a feature is compared with a number", "write {gt: 3}")
            if feature is None or operator == "in" or not _is_number(operand.value):
                return None
            digest = definition_digest(feature, before)
            return FeatureIs(feature.name, digest, operator, float(operand.value))
        return self.field_comparison(at, operator, operand)

    def field_comparison(self, at: Located, operator: Comparison, operand: Located) -> Where:
        field = self.known_field(at.value["field"])
        if field is None:
            return None
        if field.type == "numbers":
            self.fault(at, f"{field.name} is a list of numbers", "compare a single field")
            return None
        values = operand.plain() if operator == "in" else [operand.plain()]
        if not isinstance(values, list) or not values:
            self.fault(operand, "in takes a list", "write in: [a, b]")
            return None
        right = _is_number if field.type == "number" else _is_text
        for value in values:
            if not right(value):
                self.fault(operand, f"{value!r} is not a {field.type}", f"{field.name} is one")
            elif field.choices and value not in field.choices:
                hint = f"use {', '.join(field.choices)}"
                self.fault(operand, f"{field.name} is never {value!r}", hint)
        if field.type == "string" and operator not in ("eq", "ne", "in"):
            self.fault(at, f"{operator} does not compare strings", "use eq, ne or in")
        operands: Any = tuple(values) if operator == "in" else values[0]
        return FieldIs(field.name, operator, operands)

    # Parts

    def only(self, item: Located, allowed: set[str]) -> None:
        for key in item.value:
            if key not in allowed:
                where = item.keys[key]
                hint = _did_you_mean(key, allowed)
                self.problems.append(problem(where, f"the key {key} is not known here", hint))

    def known_field(self, at: Located) -> Field | None:
        if not isinstance(at.value, str):
            self.fault(at, "a field is named by one word", "write payload.amount")
            return None
        name = at.value.removeprefix("payload.")
        if name not in self.schema.fields:
            hint = _did_you_mean(name, self.schema.fields)
            self.fault(at, f"{self.schema.type} has no field {name}", hint)
            return None
        return self.schema.fields[name]

    def field(self, at: Located, kind: str) -> str | None:
        field = self.known_field(at)
        if field is not None and field.type != kind:
            self.fault(at, f"{field.name} is a {field.type}, not a {kind}", "name another field")
        return field.name if field else None

    def number(self, at: Located) -> tuple[str | None, int | None]:
        column = _VECTOR_COLUMN.match(str(at.value).removeprefix("payload."))
        if column and "vector" in self.schema.fields:
            return "vector", int(column[1]) - 1
        return self.field(at, "number"), None

    def known_feature(self, at: Located, before: dict[str, Feature]) -> Feature | None:
        feature = before.get(at.value) if isinstance(at.value, str) else None
        if feature is None and not (isinstance(at.value, str) and at.value in self.faulty):
            hint = _did_you_mean(str(at.plain()), before)
            self.fault(at, f"no feature {at.plain()!r} stands above this one", hint)
        return feature

    def entity(self, item: Located, at: Located | None) -> str | None:
        kinds = self.schema.entity_kinds
        if at is None or at.value not in kinds:
            where = at or item
            self.fault(where, "an aggregate names its entity", f"use one of {', '.join(kinds)}")
            return None
        return str(at.value)

    def duration(self, item: Located, at: Located | None, least_us: int) -> int:
        match = _DURATION.match(at.value) if at and isinstance(at.value, str) else None
        length_us = int(match[1]) * _UNIT_US[match[2]] if match else -1
        if not least_us <= length_us <= MAX_WINDOW_US:
            hint = "write 1m to 180d, such as 10m, 1h or 30d"
            self.fault(at or item, "a window or delay is missing or out of range", hint)
        return length_us

    def flag(self, at: Located | None) -> bool:
        if at is not None and not isinstance(at.value, bool):
            self.fault(at, f"{at.plain()!r} is not a boolean", "write true or false")
        return bool(at and at.value)

    def finite(self, at: Located) -> float | None:
        if not _is_number(at.value):
            self.fault(at, f"{at.plain()!r} is not a number", "write a number")
            return None
        return float(at.value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
