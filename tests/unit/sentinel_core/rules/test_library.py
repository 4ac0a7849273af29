"""The rules that come with Sentinel: complete, tested, and read the same from every side."""

import pytest

from sentinel_core.errors import NotFoundError
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.rules import load_library, parse_pack, run_tests
from sentinel_core.rules.library import DOMAINS, features_text, library_text
from sentinel_core.rules.pack import reads
from tests.support.packs import library_schema

SHIPPED = [
    pytest.param(domain, rule, id=f"{domain}-{rule.value['id'].value}")
    for domain in DOMAINS
    for rule in load_library(domain).value
]


@pytest.mark.parametrize(("domain", "rule"), SHIPPED)
def test_a_shipped_rule_is_named_as_its_file(domain, rule):
    assert f"{domain}/{rule.value['id'].value}.yaml" == rule.position.path


@pytest.mark.parametrize(("domain", "rule"), SHIPPED)
def test_a_shipped_rule_tells_its_source_and_what_to_do(domain, rule):
    plain = rule.plain()
    assert plain["reference"].startswith("https://")
    assert plain["runbook"].endswith(".")
    assert plain["message"].endswith(".")


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_shipped_rule_has_a_hit_and_a_miss_that_hold(domain):
    pack = parse_pack(load_library(domain), library_schema(domain))
    results = run_tests(pack.rules, pack.schema)
    assert [r for r in results if not r.passed] == []
    for rule in pack.rules:
        assert {True, False} == {test.hit for test in rule.tests}


@pytest.mark.parametrize("domain", DOMAINS)
def test_each_miss_of_a_shipped_rule_is_near_its_hit(domain):
    # A miss that gives nothing of what the rule reads would hold for any rule.
    pack = parse_pack(load_library(domain), library_schema(domain))
    decided = {r.rule_id for r in run_tests(pack.rules, pack.schema) if r.verdict == "miss"}
    assert {rule.id for rule in pack.rules} == decided


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_feature_of_a_domain_serves_a_rule(domain):

    schema = library_schema(domain)
    spec = parse_spec(load_yaml(features_text(domain), domain), schema.event)
    pack = parse_pack(load_library(domain), schema)
    used = {ref.name for rule in pack.rules for ref in reads(rule.when)}
    assert set(spec.names) == set(spec.closure(sorted(used & set(spec.names))).names)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_text_of_a_domain_is_the_same_pack(domain):
    schema = library_schema(domain)
    from_text = parse_pack(load_yaml(library_text(domain), "rules.yaml"), schema)
    assert parse_pack(load_library(domain), schema).digest == from_text.digest


def test_an_unknown_domain_is_named():
    with pytest.raises(NotFoundError, match="no domain payment"):
        load_library("payment")
