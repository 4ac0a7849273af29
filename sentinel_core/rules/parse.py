"""From a rule pack's text to checked rules; every fault comes with its place, all at once.

A pack is a list of rules::

    - id: sanctioned-region
      name: Sanctioned region
      category: compliance            # compliance, fraud, anomaly, login, message
      when: {field: country, in: [KP, IR]}
      effect: {outcome: block}        # any of outcome, points, floor, cap
      message: The payment was accepted in {country}.      # optional
      reference: https://...                               # optional
      runbook: What an analyst does next.                  # optional
      tests:
        - {event: {country: KP}, hit: true}
        - {event: {country: SE}, hit: false}

The forms of ``when`` stand in `parse_conditions`, those of ``tests`` in `parse_tests`.
"""

from __future__ import annotations

import re
from typing import cast, get_args

from sentinel_core.ids import digest_json
from sentinel_core.located import Located
from sentinel_core.rules.check import Checker
from sentinel_core.rules.compile import compile_condition, compile_reader
from sentinel_core.rules.faults import Faults, described
from sentinel_core.rules.message import compile_default, compile_message, parse_message
from sentinel_core.rules.pack import (
    Category,
    Condition,
    Effect,
    HardOutcome,
    Pack,
    Program,
    Rule,
    RuleSchema,
    reads,
)
from sentinel_core.rules.parse_conditions import ConditionParser
from sentinel_core.rules.parse_tests import TestParser
from sentinel_core.rules.run_tests import run_tests

MAX_RULES = 500
"""Most rules of a pack: at about a microsecond each they stay within the scoring budget."""
MAX_NAME_CHARACTERS = 120
"""A name is a heading in a list of findings."""
MAX_TEXT_CHARACTERS = 4000
"""About a page, for a reference or a runbook."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_REQUIRED = ("id", "name", "category", "when", "effect", "tests")
_OPTIONAL = ("message", "reference", "runbook")
_EFFECTS = ("outcome", "points", "floor", "cap")


def parse_pack(document: Located, schema: RuleSchema) -> Pack:
    """Check a rule pack, and that each rule's own tests hold.

    Parameters
    ----------
    document : Located
        A list of rules.
    schema : RuleSchema
        Names that the rules may read; binds features to their places in the vector.

    Raises
    ------
    InvalidDocumentError
        With every fault at path:line:column. Retryable: no.
    """
    faults = Faults()
    rules = _read(document, schema, faults)
    for result in run_tests(rules, schema):
        if not result.passed:
            hint = "correct the rule, or the test; what a test does not name is missing"
            faults.add(result.position, result.fault(), hint)
    return _pack(rules, document, schema, faults)


def read_pack(document: Located, schema: RuleSchema) -> Pack:
    """Check a rule pack, but leave it to the caller to run the rules' own tests.

    Raises
    ------
    InvalidDocumentError
        As `parse_pack` does, except for tests that fail. Retryable: no.
    """
    faults = Faults()
    return _pack(_read(document, schema, faults), document, schema, faults)


def _pack(rules: list[Rule], document: Located, schema: RuleSchema, faults: Faults) -> Pack:
    if len(faults):
        raise faults.error()
    source = document.plain()
    return Pack(tuple(rules), schema, digest_json(source), source)


def _read(document: Located, schema: RuleSchema, faults: Faults) -> list[Rule]:
    """Read the rules that have no fault, and note the faults of the others."""
    nodes = document.value if isinstance(document.value, list) else []
    if not isinstance(document.value, list):
        message = f"a pack must be a list of rules, not {described(document)}"
        faults.add(document.position, message, "write each rule as - id: ...")
    if len(nodes) > MAX_RULES:
        message = f"the pack has {len(nodes)} rules, more than {MAX_RULES}"
        faults.add(nodes[MAX_RULES].position, message, "split it or remove rules")
    parser = _RuleParser(schema, faults)
    rules = [parser.parse(node) for node in nodes[:MAX_RULES]]
    return [rule for rule in rules if rule is not None]


class _RuleParser:
    """Reads rules one by one, noting what is wrong; a faulty rule is None."""

    def __init__(self, schema: RuleSchema, faults: Faults) -> None:
        self._features = schema.features
        self._faults = faults
        self._checker = Checker(schema, faults)
        self._conditions = ConditionParser(self._checker, faults)
        self._tests = TestParser(schema, self._checker, faults)
        self._lines: dict[str, int] = {}

    def parse(self, node: Located) -> Rule | None:
        before = len(self._faults)
        given = self._faults.mapping(node, "a rule", _REQUIRED, _OPTIONAL)
        rule_id = self._id(given["id"]) if "id" in given else ""
        name = self._text(given, "name", MAX_NAME_CHARACTERS) or ""
        category = self._category(given)
        effect = self._effect(given["effect"]) if "effect" in given else Effect()
        tests = self._tests.parse(given["tests"]) if "tests" in given else ()
        reference = self._text(given, "reference", MAX_TEXT_CHARACTERS)
        runbook = self._text(given, "runbook", MAX_TEXT_CHARACTERS)
        when = self._conditions.parse(given["when"]) if "when" in given else None
        program = self._program(given, name, when) if when else None
        if len(self._faults) > before or when is None or program is None:
            return None
        return Rule(rule_id, name, category, when, effect, tests, reference, runbook, program)

    def _id(self, node: Located) -> str:
        rule_id = str(node.value)
        if not isinstance(node.value, str) or not _ID.fullmatch(rule_id):
            hint = "use a-z, 0-9 and -, at most 63 characters"
            self._faults.add(node.position, f"{described(node)} is not a rule id", hint)
        elif rule_id in self._lines:
            message = f"the id {rule_id} is taken by the rule on line {self._lines[rule_id]}"
            self._faults.add(node.position, message, "give each rule its own id")
        self._lines.setdefault(rule_id, node.position.line)
        return rule_id

    def _text(self, given: dict[str, Located], key: str, max_characters: int) -> str | None:
        return self._faults.text(given[key], key, max_characters) if key in given else None

    def _category(self, given: dict[str, Located]) -> Category:
        if "category" in given:
            self._faults.choice(given["category"], "category", get_args(Category))
            return cast("Category", given["category"].value)
        return "fraud"  # never seen: a rule without its category is a fault

    def _effect(self, node: Located) -> Effect:
        given = self._faults.mapping(node, "effect", (), _EFFECTS)
        if isinstance(node.value, dict) and not given:
            hint = "write {outcome: block}, {points: 25}, {floor: 75} or {cap: 60}"
            self._faults.add(node.position, "the effect is empty, so a hit would do nothing", hint)
        outcome = self._outcome(given["outcome"]) if "outcome" in given else None
        points = self._points(given["points"]) if "points" in given else 0.0
        floor, cap = (
            self._bound(given[key], key) if key in given else None for key in _EFFECTS[2:]
        )
        if floor is not None and cap is not None and floor > cap:
            message = f"the floor {floor:g} lies above the cap {cap:g}"
            self._faults.add(given["floor"].position, message, "keep one of them")
        if outcome is not None and cap is not None:
            message = f"outcome: {outcome} sets a floor, which beats the cap"
            self._faults.add(given["cap"].position, message, "keep one of them")
        return Effect(outcome, points, floor, cap)

    def _outcome(self, node: Located) -> HardOutcome | None:
        if node.value == "approve":
            hint = "write a cap, or put the entity on a trust list"
            self._faults.add(node.position, "a rule cannot force outcome approve", hint)
            return None
        found = self._faults.choice(node, "outcome", get_args(HardOutcome))
        return cast("HardOutcome | None", found)

    def _points(self, node: Located) -> float:
        points = self._faults.number(node, "points")
        if points is not None and not 0 < points <= 100:
            message = f"points are {points:g}, not above 0 and at most 100"
            self._faults.add(node.position, message, "a cap lowers a score; points only raise it")
        return points or 0.0

    def _bound(self, node: Located, key: str) -> float | None:
        bound = self._faults.number(node, key)
        if bound is not None and not 0 <= bound <= 100:
            message = f"the {key} is {bound:g}, outside 0 to 100"
            self._faults.add(node.position, message, "scores lie in 0 to 100")
            return None
        return bound

    def _program(self, given: dict[str, Located], name: str, when: Condition) -> Program | None:
        features = self._features
        verdict = compile_condition(when, features)
        readers = tuple((str(ref), compile_reader(ref, features)) for ref in reads(when))
        if "message" not in given:
            return Program(verdict, compile_default(name, reads(when), features), readers)
        parts = parse_message(given["message"], self._checker, self._faults)
        return Program(verdict, compile_message(parts, features), readers) if parts else None
