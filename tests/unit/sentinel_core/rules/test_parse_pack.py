"""What a parsed pack is, and the limits it is read to."""

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.located import load_yaml, locate
from sentinel_core.rules import RuleSchema, evaluate, parse_pack, read_pack, run_tests
from sentinel_core.rules.parse import MAX_RULES
from sentinel_core.rules.parse_conditions import MAX_NESTING
from tests.support.packs import PAYMENTS, NoLists, pack_of, rule_of

KP = [{"event": {"country": "KP"}, "hit": True}, {"event": {"country": "SE"}, "hit": False}]
FROM_KP = {"field": "country", "eq": "KP"}
TEXT = """
- id: sanctioned-region
  name: Sanctioned region
  category: compliance
  when: {any: [{field: country, in: [KP, IR]}, {list: sanctioned-countries, field: country}]}
  effect: {outcome: block}
  tests:
    - {event: {country: KP}, hit: true}
    - {event: {country: XX}, lists: {sanctioned-countries: [XX]}, hit: true}
    - {event: {country: "NO"}, hit: false}
"""


def problems_of(rules):
    with pytest.raises(InvalidDocumentError) as caught:
        parse_pack(locate(rules, "pack.yaml"), PAYMENTS)
    return [problem.message for problem in caught.value.problems]


def nested(depth):
    when = FROM_KP
    for _ in range(depth - 1):
        when = {"not": when}
    return when


def test_a_pack_is_read_from_yaml():
    pack = parse_pack(load_yaml(TEXT, "pack.yaml"), PAYMENTS)
    assert [rule.id for rule in pack.rules] == ["sanctioned-region"]


def test_a_pack_is_read_again_from_its_plain_form():
    pack = parse_pack(load_yaml(TEXT, "pack.yaml"), PAYMENTS)
    again = parse_pack(locate(pack.plain(), "release"), PAYMENTS)
    assert pack.digest == again.digest
    assert [rule.when for rule in pack.rules] == [rule.when for rule in again.rules]


def test_the_digest_changes_with_any_text_of_a_rule():
    first = pack_of(rule_of(FROM_KP, tests=KP, runbook="Call the customer."))
    second = pack_of(rule_of(FROM_KP, tests=KP, runbook="Block the card."))
    assert first.digest != second.digest


def test_a_pack_without_rules_hits_nothing():
    pack = parse_pack(locate([], "pack.yaml"), PAYMENTS)
    assert evaluate(pack, {"country": "KP"}, (0.0,) * 4, {}, NoLists(), 0) == ()


def test_features_are_bound_to_the_order_of_the_schema():
    schema = RuleSchema(PAYMENTS.event, features=("other", "count"))
    tests = [{"features": {"count": 5}, "hit": True}, {"features": {"count": 1}, "hit": False}]
    rule = rule_of({"feature": "count", "gte": 5}, tests=tests)
    pack = parse_pack(locate([rule], "pack.yaml"), schema)
    hits = [evaluate(pack, {}, vector, {}, NoLists(), 0) for vector in ((9.0, 0.0), (0.0, 9.0))]
    assert [len(h) for h in hits] == [0, 1]


def test_the_country_code_of_norway_is_a_text():
    rule = rule_of({"field": "country", "eq": "NO"})
    text = (
        "- {id: a, name: A, category: fraud, when: {field: country, eq: NO}, effect: {points: 1},\n"
    )
    text += "   tests: [{event: {country: NO}, hit: true}, {hit: false}]}\n"
    assert rule["when"] == parse_pack(load_yaml(text, "p"), PAYMENTS).plain()[0]["when"]


def test_as_many_rules_as_the_limit_are_read():
    rules = [rule_of(FROM_KP, tests=KP, id=f"rule-{n}") for n in range(MAX_RULES)]
    assert len(pack_of(*rules).rules) == MAX_RULES


def test_one_rule_more_than_the_limit_is_refused():
    rules = [rule_of(FROM_KP, tests=KP, id=f"rule-{n}") for n in range(MAX_RULES + 1)]
    assert problems_of(rules) == ["the pack has 501 rules, more than 500"]


def test_conditions_nested_to_the_limit_are_read():
    tests = [KP[1] | {"hit": True}, KP[0] | {"hit": False}]
    assert len(pack_of(rule_of(nested(MAX_NESTING), tests=tests)).rules) == 1


def test_conditions_nested_deeper_than_the_limit_are_refused():
    assert problems_of([rule_of(nested(MAX_NESTING + 1), tests=KP)]) == ["nested deeper than 32"]


def test_a_text_over_its_limit_is_refused_and_not_cut():
    assert problems_of([rule_of(FROM_KP, tests=KP, runbook="x" * 4001)]) == [
        "runbook has 4001 characters, more than 4000"
    ]


def test_a_pack_whose_own_tests_fail_is_refused():
    assert problems_of([rule_of(FROM_KP, tests=[*KP, {"hit": True}])]) == [
        "test 3 of the-rule expects a hit, got unknown: field country is unknown"
    ]


def test_a_pack_read_without_its_tests_shows_which_of_them_fail():
    rule = rule_of(FROM_KP, tests=[*KP, {"hit": True}])
    results = run_tests(read_pack(locate([rule], "pack.yaml"), PAYMENTS).rules, PAYMENTS)
    assert [result.passed for result in results] == [True, True, False]


def test_an_unknown_answer_passes_a_test_that_expects_no_hit():
    pack = pack_of(rule_of(FROM_KP, tests=[KP[0], {"hit": False}]))
    results = run_tests(pack.rules, pack.schema)
    assert [(r.verdict, r.passed) for r in results] == [("hit", True), ("unknown", True)]


def test_a_test_may_give_a_vector_and_signals():
    when = {"all": [{"field": "vector", "missing": False}, {"signal": "fraud", "gte": 0.5}]}
    given = {"event": {"vector": [0.5, -1]}, "signals": {"fraud": 0.7}, "hit": True}
    assert len(pack_of(rule_of(when, tests=[given, {"hit": False}])).rules) == 1
